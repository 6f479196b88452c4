//! Scratch: optimizers over the full batch, random search on folds of the training set.
use gpu_train::cpu::FullBatch;
use gpu_train::cpu::simd::Level;
use gpu_train::data::{Digits, embedded};
use gpu_train::engine::{Engine, Split, State};
use gpu_train::net::{self, PARAMETER_COUNT, Parameters};
use gpu_train::recipe::*;
use gpu_train::schedule::Schedule;
use rand_mt::Mt64;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Clone, Debug)]
struct Config {
    recipe: Recipe,
    muon: bool,
    nesterov: bool,
    ema: f64, // 0: off, else decay
    muon_lr: f64,
    muon_beta: f64,
    muon_wd: f64,
    adam_wd: f64,
    h1b: bool,
}

// (offset, rows, cols) of matrices
fn matrices(h1b: bool) -> Vec<(usize, usize, usize)> {
    let mut all = vec![
        (net::H1W.offset, 12, 25),
        (net::H2W.offset, 12, 200),
        (net::H3W.offset, 192, 30),
        (net::OUTW.offset, 30, 10),
    ];
    if h1b {
        all.push((net::H1B.offset, 12, 64));
        all.push((net::H2B.offset, 12, 16));
    }
    all
}

fn iterations() -> usize {
    static N: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *N.get_or_init(|| std::env::var("NS").map_or(5, |t| t.parse().unwrap()))
}

fn orthogonalise(g: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    let (r, c, t) = if rows <= cols {
        (rows, cols, false)
    } else {
        (cols, rows, true)
    };
    let mut x: Vec<f32> = if t {
        (0..r * c).map(|i| g[(i % c) * cols + i / c]).collect()
    } else {
        g.to_vec()
    };
    let norm = x.iter().map(|v| (*v as f64).powi(2)).sum::<f64>().sqrt() as f32 + 1e-12;
    x.iter_mut().for_each(|v| *v /= norm);
    let (a, b, d) = (3.4445f32, -4.7750f32, 2.0315f32);
    let mut gram = vec![0f32; r * r];
    let mut poly = vec![0f32; r * r];
    let mut y = vec![0f32; r * c];
    for _ in 0..iterations() {
        for i in 0..r {
            for j in 0..=i {
                let s: f32 = x[i * c..(i + 1) * c]
                    .iter()
                    .zip(&x[j * c..(j + 1) * c])
                    .map(|(p, q)| p * q)
                    .sum();
                gram[i * r + j] = s;
                gram[j * r + i] = s;
            }
        }
        for i in 0..r {
            for j in 0..r {
                let s: f32 = (0..r).map(|k| gram[i * r + k] * gram[k * r + j]).sum();
                poly[i * r + j] = b * gram[i * r + j] + d * s;
            }
        }
        for i in 0..r {
            for k in 0..c {
                y[i * c + k] = a * x[i * c + k];
            }
            for j in 0..r {
                let p = poly[i * r + j];
                for k in 0..c {
                    y[i * c + k] += p * x[j * c + k];
                }
            }
        }
        std::mem::swap(&mut x, &mut y);
    }
    if t {
        (0..r * c).map(|i| x[(i % cols) * c + i / cols]).collect()
    } else {
        x
    }
}

fn run(digits: &Digits, config: &Config, seed: u64) -> u32 {
    let recipe = Recipe {
        seed,
        ..config.recipe.clone()
    };
    let start = net::initial_parameters(seed, recipe.output_bias());
    let mut engine =
        FullBatch::with_level_and_threads(digits.clone(), recipe.clone(), &start, Level::best(), 1);
    let n = digits.train.len();
    let steps = recipe.validate_updates(n).unwrap();
    let mut p: Vec<f32> = start.flat().to_vec();
    let mut m = vec![0f32; PARAMETER_COUNT];
    let mut v = vec![0f32; PARAMETER_COUNT];
    let mut average = p.clone();
    let mut is_matrix = vec![false; PARAMETER_COUNT];
    if config.muon {
        for (o, r, c) in matrices(config.h1b) {
            is_matrix[o..o + r * c].fill(true);
        }
    }
    let set = |engine: &mut FullBatch, p: &[f32], step| {
        engine
            .restore(&State {
                step,
                ..State::start(Parameters::from_flat(p.to_vec()))
            })
            .unwrap()
    };
    for step in 0..steps {
        set(&mut engine, &p, step);
        let (loss, g) = engine.gradient().unwrap();
        if !loss.is_finite() {
            return digits.test.len() as u32;
        }
        let g = g.flat();
        let lr = recipe.learning_rate_at(step.into(), n);
        let relative = lr / recipe.learning_rate;
        let t = (step + 1) as f64;
        let (b1, b2) = (recipe.beta1, recipe.beta2);
        let (c1, c2) = (1.0 - b1.powf(t), 1.0 - b2.powf(t));
        let wd = if config.muon {
            config.adam_wd
        } else {
            recipe.weight_decay
        };
        for i in 0..PARAMETER_COUNT {
            if is_matrix[i] {
                continue;
            }
            m[i] = (b1 as f32) * m[i] + (1.0 - b1) as f32 * g[i];
            v[i] = (b2 as f32) * v[i] + (1.0 - b2) as f32 * g[i] * g[i];
            let mm = if config.nesterov {
                (b1 as f32) * m[i] / (1.0 - b1.powf(t + 1.0)) as f32
                    + (1.0 - b1) as f32 * g[i] / c1 as f32
            } else {
                m[i] / c1 as f32
            };
            p[i] =
                p[i] * (1.0 - lr * wd) as f32 - lr as f32 * mm / ((v[i] / c2 as f32).sqrt() + 1e-8);
        }
        if config.muon {
            let rate = config.muon_lr * relative;
            for (o, r, c) in matrices(config.h1b) {
                let beta = config.muon_beta as f32;
                let mut u = vec![0f32; r * c];
                for i in 0..r * c {
                    m[o + i] = beta * m[o + i] + g[o + i];
                    u[i] = if config.nesterov {
                        g[o + i] + beta * m[o + i]
                    } else {
                        m[o + i]
                    };
                }
                let u = orthogonalise(&u, r, c);
                // RMS of an orthogonal r x c: 1/sqrt(max)
                let scale = rate as f32 * (r.max(c) as f32).sqrt();
                for i in 0..r * c {
                    p[o + i] = p[o + i] * (1.0 - rate * config.muon_wd) as f32 - scale * u[i];
                }
            }
        }
        if config.ema > 0.0 {
            let d = config.ema.min((1.0 + t) / (10.0 + t)) as f32;
            for i in 0..PARAMETER_COUNT {
                average[i] = d * average[i] + (1.0 - d) * p[i];
            }
        }
    }
    set(
        &mut engine,
        if config.ema > 0.0 { &average } else { &p },
        steps,
    );
    engine.evaluate(Split::Test).unwrap().misses
}

fn fold(set: &gpu_train::data::Dataset, k: usize) -> Digits {
    let (held, kept): (Vec<usize>, Vec<usize>) = (0..set.len()).partition(|i| i % 5 == k);
    Digits {
        train: set.subset(&kept),
        test: set.subset(&held),
        source: String::new(),
    }
}

struct Draw(Mt64);
impl Draw {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.0.next_u64() as f64 / 2f64.powi(64))
    }
    fn log(&mut self, low: f64, high: f64) -> f64 {
        let x = self.uniform(low.ln(), high.ln()).exp();
        format!("{x:.1e}").parse().unwrap()
    }
    fn choice<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.0.next_u64() % from.len() as u64) as usize]
    }
}

fn main() {
    // mode steps candidates seed
    let args: Vec<String> = std::env::args().collect();
    let mode = args[1].as_str();
    let steps: u64 = args[2].parse().unwrap();
    let candidates: usize = args[3].parse().unwrap();
    let seed: u64 = args[4].parse().unwrap();
    let modern = mode.contains("modern");
    let muon = mode.contains("muon");
    let mse = mode.contains("mse");
    let train = embedded::digits().train;
    let folds: Vec<Digits> = (0..5).map(|k| fold(&train, k)).collect();
    let mut draw = Draw(Mt64::new(seed));
    let mut field: Vec<(Config, Vec<u32>)> = (0..candidates)
        .map(|_| {
            let lr = draw.log(0.008, 0.08);
            let base = Recipe::named(if modern {
                Name::FullBatchModern
            } else {
                Name::FullBatch
            });
            let recipe = Recipe {
                length: Length::Steps(steps),
                activation: if mse {
                    Activation::Tanh
                } else if modern || mode.contains("relu") {
                    Activation::Relu
                } else {
                    draw.choice(&[Activation::Tanh, Activation::Relu])
                },
                loss: if mse { Loss::Mse } else { Loss::CrossEntropy },
                learning_rate: lr,
                final_learning_rate: lr * draw.choice(&[0.01, 0.1]),
                weight_decay: if modern {
                    draw.log(0.01, 1.0)
                } else {
                    draw.log(0.1, 3.0)
                },
                beta1: draw.choice(&[0.85, 0.9, 0.95]),
                beta2: draw.choice(&[0.9, 0.95, 0.98, 0.99]),
                schedule: draw.choice(&[Schedule::Linear, Schedule::Cosine]),
                warmup: (steps as f64 * draw.choice(&[0.03, 0.1, 0.2])) as u64,
                dropout: if modern {
                    draw.choice(&[0.25, 0.25, 0.1])
                } else {
                    0.0
                },
                ..base
            };
            let recipe = if modern {
                Recipe {
                    dropout: 0.25,
                    ..recipe
                }
            } else {
                recipe
            };
            (
                Config {
                    muon,
                    nesterov: draw.choice(&[true, false]),
                    ema: if mode.contains("ema") {
                        draw.choice(&[0.0, 0.8, 0.9, 0.95])
                    } else {
                        0.0
                    },
                    muon_lr: recipe.learning_rate,
                    muon_beta: draw.choice(&[0.7, 0.8, 0.9, 0.95]),
                    muon_wd: recipe.weight_decay,
                    adam_wd: recipe.weight_decay,
                    h1b: mode.contains("h1b"),
                    recipe,
                },
                Vec::new(),
            )
        })
        .collect();
    let mut next = 100u64;
    let threads: usize = std::env::var("THREADS").map_or(2, |t| t.parse().unwrap());
    for (round, runs) in [1u64, 2, 4, 8].into_iter().enumerate() {
        let jobs: Vec<(usize, u64)> = (0..field.len())
            .flat_map(|i| (next..next + runs).map(move |s| (i, s)))
            .collect();
        let at = AtomicUsize::new(0);
        let results = Mutex::new(vec![0u32; jobs.len()]);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let j = at.fetch_add(1, Ordering::Relaxed);
                        if j >= jobs.len() {
                            break;
                        }
                        let (i, s) = jobs[j];
                        let misses = run(&folds[(s % 5) as usize], &field[i].0, s);
                        results.lock().unwrap()[j] = misses;
                    }
                });
            }
        });
        for (&(i, _), &r) in jobs.iter().zip(results.lock().unwrap().iter()) {
            field[i].1.push(r);
        }
        next += runs;
        let mean = |r: &[u32]| r.iter().sum::<u32>() as f64 / r.len() as f64;
        field.sort_by(|a, b| mean(&a.1).total_cmp(&mean(&b.1)));
        for (c, r) in field.iter().take(4) {
            let q = &c.recipe;
            println!(
                "{mode} {steps} round {round}: mean {:.2} ({:.2}% -> {:.0}/2007) n={} {:?} lr {} ->{:.4} wd {} b {} {} {:?} warm {} nest {} ema {} | muon lr {} beta {} wd {} adamwd {}",
                mean(r),
                mean(r) / 14.582,
                mean(r) / 1458.2 * 2007.0,
                r.len(),
                q.activation,
                q.learning_rate,
                q.final_learning_rate / q.learning_rate,
                q.weight_decay,
                q.beta1,
                q.beta2,
                q.schedule,
                q.warmup,
                c.nesterov,
                c.ema,
                c.muon_lr,
                c.muon_beta,
                c.muon_wd,
                c.adam_wd
            );
        }
        field.truncate((field.len() / 4).max(2));
    }
}
