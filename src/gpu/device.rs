//! A wgpu device whose failures become errors instead of panics: buffers, pipelines, dispatches and results.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use web_time::Instant;

use super::adapter::{AdapterDescription, Kind, check_limits, describe};
use super::step::plan::{Access, Buffer, BufferSpec, Name, Plan, Shader, Usage};
use super::wait::{self, Submission};
use crate::error::{Error, Result};

/// Pipelines kept for shaders that come again: several times those of one program.
const MOST_PIPELINES: usize = 64;

/// A buffer, the first word to read, and the number of words.
pub type Source<'a> = (&'a wgpu::Buffer, u64, usize);

/// A device with its queue. Clones share it, and the first thing that went wrong on it, after which every call fails.
#[derive(Clone)]
pub struct Device {
    device: wgpu::Device,
    queue: wgpu::Queue,
    failure: Arc<OnceLock<String>>,
    /// By their shader, and whether it is checked at run time.
    pipelines: Arc<Mutex<Vec<((Shader, bool), wgpu::ComputePipeline)>>>,
    adapter: wgpu::Adapter,
    description: AdapterDescription,
    timeout: Duration,
}

impl Device {
    /// Opens an adapter with the limits that the kernels use, and with timestamps where it offers them. Without a time-out it waits 30 s
    /// for a submission, or 300 s on a software adapter, which may need seconds for one step of a large set.
    ///
    /// # Errors
    /// [`Error::Device`] if the adapter lacks something or cannot be opened.
    pub async fn open(adapter: &wgpu::Adapter, timeout: Option<Duration>) -> Result<Self> {
        let description = describe(adapter)?;
        check_limits(&description)?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("gpu-train"),
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits: used(&adapter.limits()),
            ..Default::default()
        };
        let opened = adapter.request_device(&descriptor).await;
        let (device, queue) =
            opened.map_err(|error| Error::Device(format!("{description}: {error}")))?;
        tracing::info!(adapter = %description, limits = ?descriptor.required_limits, "opened the device");
        let failure = Arc::<OnceLock<String>>::default();
        let noted = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            noted.get_or_init(|| error.to_string());
        }));
        let noted = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, text| {
            // A dropped device is lost too, but then nobody asks for its failure.
            let how = match reason {
                wgpu::DeviceLostReason::Destroyed => "destroyed",
                wgpu::DeviceLostReason::Unknown => "its driver gave up",
            };
            noted.get_or_init(|| format!("the device was lost ({how}): {text}"));
        });
        let seconds = match description.kind {
            Kind::Software => 300,
            _ => 30,
        };
        Ok(Self {
            device,
            queue,
            failure,
            pipelines: Arc::default(),
            adapter: adapter.clone(),
            timeout: timeout.unwrap_or(Duration::from_secs(seconds)),
            description,
        })
    }

    /// Opens the same adapter anew, after a failure.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub async fn reopen(&self) -> Result<Self> {
        Self::open(&self.adapter, Some(self.timeout)).await
    }

    /// Description of its adapter.
    pub fn description(&self) -> &AdapterDescription {
        &self.description
    }

    /// The wgpu device and its queue.
    pub(super) fn wgpu(&self) -> (&wgpu::Device, &wgpu::Queue) {
        (&self.device, &self.queue)
    }

    /// An error about this device.
    pub(super) fn error(&self, text: impl std::fmt::Display) -> Error {
        // wgpu reports causes on separate lines.
        let text = text.to_string();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines.collect::<Vec<_>>().join(": ");
        Error::Device(format!("{}: {line}", self.description))
    }

    /// Fails if anything has gone wrong so far.
    ///
    /// # Errors
    /// [`Error::Device`] with the first thing that went wrong.
    pub fn check(&self) -> Result<()> {
        let failure = self.failure.get();
        failure.map_or(Ok(()), |text| Err(self.error(text)))
    }

    /// Waits for a submission.
    ///
    /// # Errors
    /// [`Error::Device`] if the device failed, or did not finish within the time-out.
    pub async fn finish(&self, submission: Submission) -> Result<()> {
        let waited = wait::finish(&self.device, submission, self.timeout).await;
        self.waited(waited)
    }

    /// Result of a wait, or the failure of the device.
    fn waited<T>(&self, result: std::result::Result<T, wgpu::PollError>) -> Result<T> {
        // The device's own failure explains more than a failed wait.
        self.check()?;
        result.map_err(|error| {
            let text = match error {
                wgpu::PollError::Timeout => {
                    // Leaks a device that hangs: dropping the last handle would wait for it, and the process would hang.
                    std::mem::forget((self.device.clone(), self.queue.clone()));
                    format!(
                        "it has not answered for {} s: it hangs, or a step takes longer (--device-timeout SECONDS)",
                        self.timeout.as_secs_f64()
                    )
                }
                // What was submitted never reached the device.
                wgpu::PollError::WrongSubmissionIndex(..) => {
                    "the device was lost: it takes no more work".into()
                }
            };
            self.error(self.failure.get_or_init(|| text))
        })
    }

    /// Creates buffers, and a pipeline for each shader unless this device has made one of the same shader before.
    ///
    /// # Errors
    /// [`Error::Device`] if the device refuses one, or failed before.
    pub fn create(&self, buffers: &[BufferSpec], shaders: &[Shader]) -> Result<Resources> {
        self.create_with(buffers, shaders, true)
    }

    /// [`Device::create`], with or without checks at run time. Without them, only a program as `Program::build` made it, with
    /// the contents of its buffers that it was built for.
    ///
    /// # Errors
    /// As [`Device::create`].
    pub(super) fn create_with(
        &self,
        buffers: &[BufferSpec],
        shaders: &[Shader],
        checks: bool,
    ) -> Result<Resources> {
        let buffers = buffers.iter();
        let buffers = buffers.map(|spec| (spec.buffer.clone(), self.buffer(spec)));
        let pipelines = shaders.iter();
        let pipelines =
            pipelines.map(|shader| (shader.kernel.clone(), self.pipeline(shader, checks)));
        let (buffers, pipelines) = (buffers.collect(), pipelines.collect());
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

    fn pipeline(&self, shader: &Shader, checks: bool) -> wgpu::ComputePipeline {
        let known = self.pipelines.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        let is_same = |(other, checked): &(Shader, bool)| other == shader && *checked == checks;
        if let Some((_, pipeline)) = known.iter().find(|(of, _)| is_same(of)) {
            return pipeline.clone();
        }
        if known.len() == MOST_PIPELINES {
            known.remove(0);
        }
        let pipeline = self.compile(shader, checks);
        known.push(((shader.clone(), checks), pipeline.clone()));
        pipeline
    }

    fn module(&self, shader: &Shader, checks: bool) -> wgpu::ShaderModule {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(&*shader.kernel),
            source: wgpu::ShaderSource::Wgsl(shader.wgsl.as_str().into()),
        };
        if checks {
            return self.device.create_shader_module(descriptor);
        }
        let none = wgpu::ShaderRuntimeChecks::unchecked();
        // SAFETY: callers pass the kernels of this crate with the buffers of their own program (see `create_with`). There no
        // index is past its array's end, every loop ends, and no divisor is zero: `tests/kernels/alone/bounds.rs` watches
        // every one of them.
        unsafe { self.device.create_shader_module_trusted(descriptor, none) }
    }

    fn compile(&self, shader: &Shader, checks: bool) -> wgpu::ComputePipeline {
        let (device, label) = (&self.device, Some(&*shader.kernel));
        let started = Instant::now();
        let module = self.module(shader, checks);
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
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label,
            entries: &entries,
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                // The kernels write every word before they read it (`tests/kernels` fills it with NaNs first). Some
                // drivers compile the zeros for a minute.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        tracing::debug!(kernel = %shader.kernel, took = ?started.elapsed(), "made a pipeline");
        pipeline
    }

    /// Makes a plan's bind groups.
    ///
    /// # Errors
    /// [`Error::Device`] if the device refuses one, or failed before.
    ///
    /// # Panics
    /// If `resources` lack a kernel or a buffer of the plan.
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
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            });
            (pipeline.clone(), bind_group, dispatch.workgroups)
        });
        let dispatches = dispatches.collect();
        self.check()?;
        Ok(ReadyPlan {
            name: plan.name.to_string(),
            dispatches,
        })
    }

    /// Submits a plan, `times` in a row, in one compute pass.
    pub fn submit(&self, plan: &ReadyPlan, times: u32) -> Submission {
        let label = Some(plan.name.as_str());
        let descriptor = wgpu::CommandEncoderDescriptor { label };
        let mut encoder = self.device.create_command_encoder(&descriptor);
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
        let index = self.queue.submit([encoder.finish()]);
        Submission::new(&self.queue, index)
    }

    /// Writes words to a buffer from word `first` on, before whatever is submitted next.
    pub fn write(&self, buffer: &wgpu::Buffer, first: u64, words: &[u32]) {
        let bytes = bytemuck::cast_slice(words);
        self.queue.write_buffer(buffer, 4 * first, bytes);
    }

    /// Reads words of each buffer, concatenated, once all that was submitted has run.
    ///
    /// # Errors
    /// [`Error::Device`] if the device failed, or did not finish within the time-out.
    pub async fn read(&self, sources: &[Source<'_>]) -> Result<Vec<u32>> {
        let label = Some("readback");
        let words: usize = sources.iter().map(|(_, _, words)| words).sum();
        let size = 4 * words as u64;
        let through = self.device.create_buffer(&wgpu::BufferDescriptor {
            label,
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let descriptor = wgpu::CommandEncoderDescriptor { label };
        let mut encoder = self.device.create_command_encoder(&descriptor);
        let mut end = 0;
        for &(source, first, words) in sources {
            let bytes = 4 * words as u64;
            encoder.copy_buffer_to_buffer(source, 4 * first, &through, end, bytes);
            end += bytes;
        }
        self.queue.submit([encoder.finish()]);
        let mapped = wait::map(&self.device, &through, size, self.timeout).await;
        match self.waited(mapped)? {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(self.error(error)),
            None => return Err(self.error("a result could not be read back in time")),
        }
        let view = through.get_mapped_range(0..size);
        let view = view.map_err(|error| self.error(error))?;
        Ok(bytemuck::pod_collect_to_vec(&view))
    }
}

/// The limits of an adapter that kernels and data can make use of; WebGPU's defaults for the rest, for which drivers need
/// reserve nothing.
fn used(offered: &wgpu::Limits) -> wgpu::Limits {
    wgpu::Limits {
        max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
        max_buffer_size: offered.max_buffer_size,
        max_compute_workgroup_storage_size: offered.max_compute_workgroup_storage_size,
        max_compute_invocations_per_workgroup: offered.max_compute_invocations_per_workgroup,
        max_compute_workgroup_size_x: offered.max_compute_workgroup_size_x,
        max_compute_workgroups_per_dimension: offered.max_compute_workgroups_per_dimension,
        ..wgpu::Limits::default().or_worse_values_from(offered)
    }
}

/// Buffers and pipelines, by the names that plans have for them.
pub struct Resources {
    buffers: HashMap<Buffer, wgpu::Buffer>,
    pipelines: HashMap<Name, wgpu::ComputePipeline>,
}

impl Resources {
    /// The buffer of this name.
    ///
    /// # Panics
    /// If there is none.
    pub fn buffer(&self, buffer: &Buffer) -> &wgpu::Buffer {
        &self.buffers[buffer]
    }
}

/// A plan that only needs recording.
pub struct ReadyPlan {
    name: String,
    /// Pipeline, bind group and workgroups of each dispatch, in the plan's order.
    pub(super) dispatches: Vec<(wgpu::ComputePipeline, wgpu::BindGroup, [u32; 3])>,
}
