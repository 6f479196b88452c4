//! A wgpu device whose failures become errors instead of panics, and its buffers and plans made ready.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::step::plan::{Access, Buffer, BufferSpec, Name, Plan, Shader, Usage};
use crate::error::{Error, Result};

/// The longest wait for a submission unless told otherwise. A software adapter may need seconds for one step of a large
/// set; a device that takes longer than this hangs.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A buffer, the first word to read, and the number of words.
pub type Source<'a> = (&'a wgpu::Buffer, u64, usize);

/// A device, its queue, and the first thing that went wrong.
pub struct Device {
    device: wgpu::Device,
    queue: wgpu::Queue,
    failure: Arc<Mutex<Option<String>>>,
    name: String,
    patience: Duration,
}

impl Device {
    /// Opens an adapter with all its limits, and with timestamps where it offers them.
    pub fn open(adapter: &wgpu::Adapter, name: String) -> Result<Self> {
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("gpu-train"),
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|error| Error::Device(format!("{name}: {error}")))?;
        tracing::info!(adapter = name, limits = ?descriptor.required_limits, "opened the device");
        let failure = Arc::new(Mutex::new(None));
        let note = |failure: &Mutex<Option<String>>, text: String| {
            let mut first = failure.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(text);
        };
        let noted = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error| note(&noted, error.to_string())));
        let noted = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, text| {
            // A device that is dropped is lost too, but nobody asks it for anything then.
            let how = match reason {
                wgpu::DeviceLostReason::Destroyed => "destroyed",
                wgpu::DeviceLostReason::Unknown => "its driver gave up",
            };
            note(&noted, format!("the device was lost ({how}): {text}"));
        });
        Ok(Self {
            device,
            queue,
            failure,
            name,
            patience: PATIENCE,
        })
    }

    /// Waits no longer than this for a submission.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// The wgpu device and its queue.
    pub fn wgpu(&self) -> (&wgpu::Device, &wgpu::Queue) {
        (&self.device, &self.queue)
    }

    /// An error about this device.
    pub fn error(&self, text: impl std::fmt::Display) -> Error {
        // wgpu tells causes in lines of their own.
        let text = text.to_string();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines.collect::<Vec<_>>().join(": ");
        Error::Device(format!("{}: {line}", self.name))
    }

    /// Fails if anything has gone wrong so far.
    pub fn check(&self) -> Result<()> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match &*failure {
            Some(text) => Err(self.error(text)),
            None => Ok(()),
        }
    }

    /// Waits for a submission, or for all of them.
    pub fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let until = wgpu::PollType::Wait {
            submission_index: submission,
            timeout: Some(self.patience),
        };
        let polled = self.device.poll(until);
        // What the device itself has to say explains more than a failed wait.
        self.check()?;
        match polled {
            Ok(_) => Ok(()),
            Err(wgpu::PollError::Timeout) => {
                self.abandon();
                let seconds = self.patience.as_secs_f64();
                Err(self.error(format_args!(
                    "it has not answered for {seconds} s: it hangs, or a step takes longer (--patience SECONDS)"
                )))
            }
            // What was submitted never reached it.
            Err(wgpu::PollError::WrongSubmissionIndex(..)) => {
                Err(self.error("the device was lost: it takes no more work"))
            }
        }
    }

    /// Leaves a device that hangs to the system: taking it down would wait for it, and the process would hang too.
    fn abandon(&self) {
        std::mem::forget((self.device.clone(), self.queue.clone()));
    }

    /// The buffers, and a shader module, pipeline and layout of each kernel.
    pub fn create(&self, buffers: &[BufferSpec], shaders: &[Shader]) -> Result<Resources> {
        let buffers = buffers
            .iter()
            .map(|spec| (spec.buffer.clone(), self.buffer(spec)));
        let buffers: HashMap<_, _> = buffers.collect();
        let pipelines = shaders
            .iter()
            .map(|shader| (shader.kernel.clone(), self.pipeline(shader)));
        let pipelines: HashMap<_, _> = pipelines.collect();
        self.check()?;
        Ok(Resources { buffers, pipelines })
    }

    fn buffer(&self, spec: &BufferSpec) -> wgpu::Buffer {
        let bound_as = match spec.usage {
            Usage::Storage => wgpu::BufferUsages::STORAGE,
            Usage::Uniform => wgpu::BufferUsages::UNIFORM,
            Usage::StorageAndUniform => wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::UNIFORM,
        };
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(&spec.buffer.to_string()),
            size: spec.bytes,
            usage: bound_as | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        })
    }

    fn pipeline(&self, shader: &Shader) -> Pipeline {
        let label = Some(&*shader.kernel);
        let started = Instant::now();
        let module = self
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label,
                source: wgpu::ShaderSource::Wgsl(shader.wgsl.as_str().into()),
            });
        let entries = shader.bindings.iter().zip(0..);
        let entries = entries.map(|(bound, binding)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: match bound.access {
                    Access::Uniform => wgpu::BufferBindingType::Uniform,
                    Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
                    Access::Write => wgpu::BufferBindingType::Storage { read_only: false },
                },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        });
        let entries: Vec<_> = entries.collect();
        let layout = self
            .device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label,
                entries: &entries,
            });
        let pipeline_layout = self
            .device
            .create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label,
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
        let pipeline = self
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label,
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: Default::default(),
                cache: None,
            });
        tracing::debug!(kernel = %shader.kernel, took = ?started.elapsed(), "made a pipeline");
        Pipeline { pipeline, layout }
    }

    /// A plan with its bind groups.
    pub fn ready(&self, resources: &Resources, plan: &Plan) -> Result<ReadyPlan> {
        let dispatches = plan.dispatches.iter().map(|dispatch| {
            let pipeline = &resources.pipelines[&dispatch.kernel];
            let bound = dispatch.buffers.iter().zip(0..);
            let entries: Vec<_> = bound
                .map(|(buffer, binding)| wgpu::BindGroupEntry {
                    binding,
                    resource: resources.buffer(buffer).as_entire_binding(),
                })
                .collect();
            let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(&format!("{} {}", plan.name, dispatch.kernel)),
                layout: &pipeline.layout,
                entries: &entries,
            });
            (pipeline.pipeline.clone(), bind_group, dispatch.workgroups)
        });
        let dispatches = dispatches.collect();
        self.check()?;
        Ok(ReadyPlan {
            name: plan.name.to_string(),
            dispatches,
        })
    }

    /// Submits a plan, `times` in a row, in one compute pass.
    pub fn submit(&self, plan: &ReadyPlan, times: u32) -> wgpu::SubmissionIndex {
        let label = Some(plan.name.as_str());
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor { label });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label,
            timestamp_writes: None,
        });
        for _ in 0..times {
            for (pipeline, bind_group, [x, y, z]) in &plan.dispatches {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, bind_group, &[]);
                pass.dispatch_workgroups(*x, *y, *z);
            }
        }
        drop(pass);
        self.queue.submit([encoder.finish()])
    }

    /// Writes words at the start of a buffer, before whatever is submitted next.
    pub fn write<T: bytemuck::NoUninit>(&self, buffer: &wgpu::Buffer, values: &[T]) {
        self.write_at(buffer, 0, values);
    }

    /// Writes words from a word of a buffer on, before whatever is submitted next.
    pub fn write_at<T: bytemuck::NoUninit>(&self, buffer: &wgpu::Buffer, first: u64, values: &[T]) {
        self.queue
            .write_buffer(buffer, 4 * first, bytemuck::cast_slice(values));
    }

    /// A buffer to read results back through.
    pub fn readback(&self, bytes: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("readback"),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// So many words of each buffer, one after the other, once all that was submitted has run.
    pub fn read(&self, through: &wgpu::Buffer, sources: &[Source]) -> Result<Vec<u32>> {
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor {
                label: Some("readback"),
            });
        let mut bytes = 0;
        for &(source, first, words) in sources {
            encoder.copy_buffer_to_buffer(source, 4 * first, through, bytes, 4 * words as u64);
            bytes += 4 * words as u64;
        }
        self.queue.submit([encoder.finish()]);
        let mapped = Arc::new(Mutex::new(None));
        let note = Arc::clone(&mapped);
        through.map_async(wgpu::MapMode::Read, 0..bytes, move |result| {
            *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        });
        self.wait(None)?;
        let mapped = mapped.lock().unwrap_or_else(PoisonError::into_inner).take();
        match mapped {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(self.error(error)),
            None => return Err(self.error("a result could not be read back in time")),
        }
        let view = through
            .get_mapped_range(0..bytes)
            .map_err(|error| self.error(error))?;
        let words = bytemuck::pod_collect_to_vec(&view);
        drop(view);
        through.unmap();
        Ok(words)
    }
}

#[derive(Clone)]
struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// A program's buffers and pipelines.
pub struct Resources {
    buffers: HashMap<Buffer, wgpu::Buffer>,
    pipelines: HashMap<Name, Pipeline>,
}

impl Resources {
    /// These buffers with the pipelines of others.
    pub fn with_pipelines_of(self, others: &Self) -> Self {
        Self {
            pipelines: others.pipelines.clone(),
            ..self
        }
    }

    /// The wgpu buffer of a program's buffer.
    ///
    /// # Panics
    /// If the program has none.
    pub fn buffer(&self, buffer: &Buffer) -> &wgpu::Buffer {
        &self.buffers[buffer]
    }
}

/// A plan that only needs recording.
pub struct ReadyPlan {
    name: String,
    /// Of each dispatch, in the plan's order.
    pub(super) dispatches: Vec<(wgpu::ComputePipeline, wgpu::BindGroup, [u32; 3])>,
}
