//! A wgpu device whose failures become errors instead of panics: buffers, pipelines, dispatches and results.

mod pipelines;

pub use pipelines::stored_pipelines;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::adapter::{AdapterDescription, Kind, check_limits, describe};
use super::step::plan::{Buffer, BufferSpec, Name, Plan, Shader, Usage};
use super::wait::{self, Submission};
use crate::error::{Error, Result};
use pipelines::Pipelines;

/// A buffer, the first word to read, and the number of words.
pub type Source<'a> = (&'a wgpu::Buffer, u64, usize);

/// A device with its queue. Clones share it, and the first thing that went wrong on it, after which every call fails.
#[derive(Clone)]
pub struct Device {
    device: wgpu::Device,
    queue: wgpu::Queue,
    failure: Arc<OnceLock<String>>,
    pipelines: Arc<Pipelines>,
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
            required_features: adapter.features()
                & (wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::PIPELINE_CACHE),
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
        Ok(Self {
            device,
            queue,
            failure,
            pipelines: Arc::default(),
            adapter: adapter.clone(),
            timeout: timeout.unwrap_or(usual_timeout(description.kind)),
            description,
        })
    }

    /// Opens the same adapter anew, after a failure.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub async fn reopen(&self) -> Result<Self> {
        let opened = Self::open(&self.adapter, Some(self.timeout)).await?;
        Ok(match self.pipelines.folder() {
            Some(folder) => opened.with_stored_pipelines(folder),
            None => opened,
        })
    }

    /// The same device before it has made a pipeline, with those that were compiled before and stored in a folder, where wgpu
    /// offers that (on Vulkan).
    pub(super) fn with_stored_pipelines(mut self, folder: &Path) -> Self {
        let name = wgpu::util::pipeline_cache_key(&self.adapter.get_info());
        if let Some(name) = name
            && self
                .device
                .features()
                .contains(wgpu::Features::PIPELINE_CACHE)
        {
            self.pipelines = Arc::new(Pipelines::stored(&self.device, &folder.join(name)));
        }
        self
    }

    /// Pipelines it has made.
    pub(super) fn pipelines(&self) -> &Pipelines {
        &self.pipelines
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
        let pipelines = pipelines.map(|shader| {
            let pipeline = self.pipelines.of(&self.device, shader, checks);
            (shader.kernel.clone(), pipeline)
        });
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
            is_split: plan.is_split(),
            dispatches,
        })
    }

    /// Submits a plan, `times` in a row, in one compute pass.
    pub fn submit(&self, plan: &ReadyPlan, times: u32) -> Submission {
        let encoder = self.recorded(plan, times);
        let index = self.queue.submit([encoder.finish()]);
        Submission::new(&self.queue, index)
    }

    /// [`Device::submit`] and [`Device::read`] in one submission.
    ///
    /// # Errors
    /// As [`Device::read`].
    pub(super) async fn run(
        &self,
        plan: &ReadyPlan,
        times: u32,
        sources: &[Source<'_>],
    ) -> Result<Vec<u32>> {
        self.copied_back(self.recorded(plan, times), sources).await
    }

    /// A plan, `times` in a row. Of a split plan only the last dispatch: those before it are submitted, each by itself.
    fn recorded(&self, plan: &ReadyPlan, times: u32) -> wgpu::CommandEncoder {
        let mut dispatches: Vec<&ReadyDispatch> = Vec::new();
        for _ in 0..times {
            dispatches.extend(&plan.dispatches);
        }
        let (alone, last) = dispatches.split_at(submitted_alone(dispatches.len(), plan.is_split));
        for dispatch in alone {
            let encoder = self.in_one_pass(&plan.name, &[dispatch]);
            self.queue.submit([encoder.finish()]);
        }
        self.in_one_pass(&plan.name, last)
    }

    fn in_one_pass(&self, name: &str, dispatches: &[&ReadyDispatch]) -> wgpu::CommandEncoder {
        let label = Some(name);
        let descriptor = wgpu::CommandEncoderDescriptor { label };
        let mut encoder = self.device.create_command_encoder(&descriptor);
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label,
            timestamp_writes: None,
        });
        for (pipeline, bind_group, [x, y, z]) in dispatches {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, bind_group, &[]);
            pass.dispatch_workgroups(*x, *y, *z);
        }
        drop(pass);
        encoder
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
        let descriptor = wgpu::CommandEncoderDescriptor { label };
        let encoder = self.device.create_command_encoder(&descriptor);
        self.copied_back(encoder, sources).await
    }

    /// Submits what is recorded and copies of words of each buffer, and waits for these.
    async fn copied_back(
        &self,
        mut encoder: wgpu::CommandEncoder,
        sources: &[Source<'_>],
    ) -> Result<Vec<u32>> {
        let label = Some("readback");
        let words: usize = sources.iter().map(|(_, _, words)| words).sum();
        let size = 4 * words as u64;
        let through = self.device.create_buffer(&wgpu::BufferDescriptor {
            label,
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
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

/// Time to wait for a submission.
fn usual_timeout(kind: Kind) -> Duration {
    let seconds = match kind {
        Kind::Software => 300,
        _ => 30,
    };
    Duration::from_secs(seconds)
}

/// Number of a plan's first dispatches that are submissions by themselves: of a split plan all but the last.
fn submitted_alone(dispatches: usize, is_split: bool) -> usize {
    if is_split {
        dispatches.saturating_sub(1)
    } else {
        0
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
    /// As [`Plan::is_split`].
    is_split: bool,
    /// The dispatches in the plan's order.
    pub(super) dispatches: Vec<ReadyDispatch>,
}

/// Pipeline, bind group and workgroups of a dispatch.
pub(super) type ReadyDispatch = (wgpu::ComputePipeline, wgpu::BindGroup, [u32; 3]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_that_are_used_are_those_offered() {
        let defaults = wgpu::Limits::default();
        let offered = wgpu::Limits {
            max_storage_buffer_binding_size: 3 << 30,
            max_buffer_size: 5 << 30,
            max_compute_workgroup_storage_size: 65_536,
            max_compute_invocations_per_workgroup: 1_024,
            max_compute_workgroup_size_x: 1_023,
            max_compute_workgroups_per_dimension: 70_000,
            // Not used.
            max_texture_dimension_2d: 2 * defaults.max_texture_dimension_2d,
            // Less than WebGPU promises.
            max_bind_groups: 2,
            ..defaults.clone()
        };
        let expected = wgpu::Limits {
            max_texture_dimension_2d: defaults.max_texture_dimension_2d,
            ..offered.clone()
        };
        assert_eq!(used(&offered), expected);
    }

    #[test]
    fn the_last_dispatch_of_a_split_plan_is_read_back_with() {
        assert_eq!(
            [0, 1, 5].map(|count| submitted_alone(count, true)),
            [0, 0, 4]
        );
        assert_eq!([0, 1, 5].map(|count| submitted_alone(count, false)), [0; 3]);
    }

    #[test]
    fn a_software_adapter_is_waited_for_longer() {
        assert_eq!(usual_timeout(Kind::Software).as_secs(), 300);
        assert_eq!(usual_timeout(Kind::Discrete).as_secs(), 30);
    }
}
