//! The reference engine: full batch or batch 1, as the recipe says.

use super::{
    Activations, AdamW, Muon, Real, Rule, Statistics, add_curvature, dropout_factors, input,
    statistics, update, whitened_muon,
};
use crate::data::{Dataset, Digits};
use crate::draw;
use crate::engine::{Engine, EngineKind, Evaluation, Split, State};
use crate::error::Result;
use crate::net::{H2_UNITS, Parameters};
use crate::recipe::{Optimizer, Recipe};

/// The oracle as an engine; `T` is the type it computes in.
pub struct Reference<T> {
    digits: Digits,
    recipe: Recipe,
    step: u32,
    parameters: Parameters<T>,
    first_moment: Parameters<T>,
    second_moment: Parameters<T>,
    /// Whitened Muon's, of the weights in `second_moment`.
    statistics: Option<Statistics<T>>,
}

impl<T: Real> Reference<T> {
    /// An engine at the start of a run from these parameters.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::error::Error::Usage) if the recipe's optimizer does not go with its batch.
    pub fn new(digits: Digits, recipe: Recipe, parameters: &Parameters) -> Result<Self> {
        recipe.validate_optimizer()?;
        Ok(Self {
            digits,
            recipe,
            step: 0,
            parameters: of_f32(parameters),
            first_moment: Parameters::zeros(),
            second_moment: Parameters::zeros(),
            statistics: None,
        })
    }

    /// The present parameters, unrounded.
    pub fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    /// The present parameters, to change (finite differences do).
    pub fn parameters_mut(&mut self) -> &mut Parameters<T> {
        &mut self.parameters
    }

    /// One training example forward and back at the present step, its gradient scaled by `scale`.
    ///
    /// Returns the activations and the example's (unscaled) loss.
    pub fn forward_backward(&self, example: usize, scale: f64) -> (Activations<T>, T) {
        let recipe = &self.recipe;
        let shift = draw::shift(recipe.seed, self.step, example as u32, recipe.shift);
        let factors = if recipe.dropout > 0.0 {
            dropout_factors(recipe.seed, self.step, recipe.dropout, example as u32)
        } else {
            vec![T::one(); H2_UNITS]
        };
        let set = &self.digits.train;
        let x = input(set.image_codes(example), set.denominator(), shift);
        let functions = recipe.into();
        let mut values = Activations::forward(&self.parameters, x, factors, functions);
        let (value, _) = values.loss(set.labels()[example], functions, T::of(scale));
        values.backward(&self.parameters, recipe.activation);
        (values, value)
    }

    /// Mean loss and its gradient over these training examples, at the present step.
    pub fn batch_gradient(&self, examples: std::ops::Range<usize>) -> (T, Parameters<T>) {
        let scale = 1.0 / examples.len() as f64;
        let mut gradient = Parameters::zeros();
        let mut sum = T::zero();
        for example in examples {
            let (values, value) = self.forward_backward(example, scale);
            values.add_gradient(&mut gradient);
            sum = sum + value;
        }
        (sum * T::of(scale), gradient)
    }

    /// Diagonal Newton's h at the present parameters: the mean over the sample, without shift and dropout.
    pub fn curvature(&self) -> Parameters<T> {
        let (recipe, set) = (&self.recipe, &self.digits.train);
        let sample = self.sample();
        let scale = T::of(1.0 / sample as f64);
        let mut h = Parameters::zeros();
        for example in 0..sample {
            let values = self.evaluation(&self.parameters, set, example);
            let (activation, loss) = (recipe.activation, recipe.loss);
            add_curvature(&self.parameters, &values, activation, loss, scale, &mut h);
        }
        h
    }

    /// The optimizer at the present step.
    fn rule(&self) -> Rule<T> {
        let recipe = &self.recipe;
        let scalars = recipe.step_scalars(u64::from(self.step), self.digits.train.len());
        let adamw = AdamW {
            beta1: T::of(recipe.beta1),
            beta2: T::of(recipe.beta2),
            epsilon: T::of(recipe.epsilon),
            step_size: T::of(scalars.step_size),
            second_moment_scale: T::of(scalars.second_moment_scale),
            shrink: T::of(scalars.shrink),
        };
        match recipe.optimizer {
            Optimizer::Sgd => Rule::Sgd([
                T::of(scalars.step_size),
                T::of(recipe.momentum),
                T::of(recipe.weight_decay),
            ]),
            Optimizer::AdamW => Rule::AdamW(adamw),
            Optimizer::Muon => Rule::Muon(self.muon(), adamw),
            Optimizer::WhitenedMuon => unreachable!("has its own update"),
            Optimizer::DiagonalNewton => Rule::DiagonalNewton(T::of(scalars.step_size)),
        }
    }

    /// Muon's numbers at the present step.
    fn muon(&self) -> Muon<T> {
        let scalars = (self.recipe).step_scalars(u64::from(self.step), self.digits.train.len());
        Muon {
            momentum: T::of(self.recipe.momentum),
            learning_rate: T::of(scalars.learning_rate),
            shrink: T::of(scalars.shrink),
        }
    }

    /// Sees to whitened Muon's statistics of the present step: new ones if they are due, else those of the weights in the
    /// second moment.
    fn estimate_statistics(&mut self) -> Result<()> {
        if self.recipe.statistics_are_due(self.step) {
            self.second_moment = self.parameters.clone();
        } else if self.statistics.is_some() {
            return Ok(());
        }
        let set = &self.digits.train;
        let examples = 0..self.sample();
        let examples = examples.map(|example| self.evaluation(&self.second_moment, set, example));
        let examples: Vec<_> = examples.collect();
        self.statistics = Some(statistics(&examples, T::of(self.recipe.damping))?);
        Ok(())
    }

    fn update(&mut self, gradient: &Parameters<T>) -> Result<()> {
        if self.recipe.optimizer == Optimizer::WhitenedMuon {
            self.estimate_statistics()?;
            let with = self.muon();
            let (parameters, buffer) = (&mut self.parameters, &mut self.first_moment);
            let statistics = self.statistics.as_ref().expect("just estimated");
            whitened_muon(parameters, gradient, buffer, statistics, with);
        } else {
            let mut sum = Parameters::zeros();
            update(
                gradient.flat(),
                self.rule(),
                self.parameters.flat_mut(),
                [self.first_moment.flat_mut(), self.second_moment.flat_mut()],
                sum.flat_mut(),
            );
        }
        self.step += 1;
        Ok(())
    }

    /// Number of examples of a sample.
    fn sample(&self) -> usize {
        let all = self.digits.train.len();
        all.min(self.recipe.curvature_sample as usize)
    }

    /// The outputs of these parameters for one image of a set, without shift and dropout.
    fn evaluation(
        &self,
        parameters: &Parameters<T>,
        set: &Dataset,
        example: usize,
    ) -> Activations<T> {
        let (codes, denominator) = (set.image_codes(example), set.denominator());
        Activations::evaluation(parameters, codes, denominator, (&self.recipe).into())
    }
}

pub(super) fn of_f32<T: Real>(values: &Parameters) -> Parameters<T> {
    values.map(|value| T::of(f64::from(value)))
}

fn to_f32<T: Real>(values: &Parameters<T>) -> Parameters {
    values.map(|value| value.to_f64_exact() as f32)
}

impl<T: Real> Engine for Reference<T> {
    fn kind(&self) -> EngineKind {
        EngineKind::Reference
    }

    fn device(&self) -> String {
        format!("scalar reference, one thread, f{}", 8 * size_of::<T>())
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.step = state.step;
        self.parameters = of_f32(&state.parameters);
        self.first_moment = of_f32(&state.first_moment);
        self.second_moment = of_f32(&state.second_moment);
        self.statistics = None;
        Ok(())
    }

    fn state(&mut self) -> Result<State> {
        Ok(State {
            step: self.step,
            parameters: to_f32(&self.parameters),
            first_moment: to_f32(&self.first_moment),
            second_moment: to_f32(&self.second_moment),
        })
    }

    fn train(&mut self, steps: u32) -> Result<Vec<f32>> {
        let examples = self.digits.train.len();
        let size = self.recipe.batch_size(examples);
        let mut losses = Vec::with_capacity(steps as usize);
        for _ in 0..steps {
            let first = (self.step as usize * size) % examples;
            if first == 0 && self.recipe.optimizer == Optimizer::DiagonalNewton {
                let damping = T::of(self.recipe.damping);
                self.second_moment = self.curvature().map(|h| T::one() / (damping + h));
            }
            let (value, gradient) = self.batch_gradient(first..first + size);
            losses.push(value.to_f64_exact() as f32);
            self.update(&gradient)?;
        }
        Ok(losses)
    }

    fn gradient(&mut self) -> Result<(f64, Parameters)> {
        let (value, gradient) = self.batch_gradient(0..self.digits.train.len());
        Ok((value.to_f64_exact(), to_f32(&gradient)))
    }

    fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        let set = match split {
            Split::Train => &self.digits.train,
            Split::Test => &self.digits.test,
        };
        let (mut sum, mut misses) = (0.0, 0);
        let functions = (&self.recipe).into();
        for (example, &label) in set.labels().iter().enumerate() {
            let (value, missed) =
                self.evaluation(&self.parameters, set, example)
                    .loss(label, functions, T::one());
            sum += value.to_f64_exact();
            misses += u32::from(missed);
        }
        Ok(Evaluation {
            loss: sum / set.len() as f64,
            misses,
            examples: set.len() as u32,
        })
    }
}
