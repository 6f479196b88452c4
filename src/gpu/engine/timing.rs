//! Time of each kernel in a step, by the device's own clock.

use super::Gpu;
use crate::engine::Engine;
use crate::error::Result;
use crate::gpu::device::{Device, ReadyPlan};

/// Time of one kernel in a step.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelTime {
    /// Name of the kernel.
    pub kernel: String,
    /// Seconds of all its dispatches in a step, the median over the timed steps.
    pub seconds: f64,
}

impl Gpu {
    /// Times the kernels over `steps` training steps, in the order of a step, and leaves the state as it was; `None` if
    /// the adapter offers no timestamps that count.
    ///
    /// Each dispatch is a separate compute pass here, which costs a little more than in training.
    ///
    /// # Errors
    /// [`crate::error::Error::Device`] if the device fails.
    pub async fn kernel_times(&mut self, steps: u32) -> Result<Option<Vec<KernelTime>>> {
        let state = self.state_async().await?;
        let mut samples = vec![Vec::new(); self.program.training.dispatches.len()];
        for _ in 0..steps {
            self.restore(&state)?;
            let Some(seconds) = self.device.time(&self.training).await? else {
                return Ok(None);
            };
            for (samples, seconds) in samples.iter_mut().zip(seconds) {
                samples.push(seconds);
            }
        }
        self.restore(&state)?;
        let dispatches = self.program.training.dispatches.iter();
        let kernels = dispatches.map(|dispatch| &*dispatch.kernel);
        Ok(Some(by_kernel(kernels.zip(samples))))
    }

    /// Each kernel's name, and the seconds that making its pipeline took. Some drivers compile only at its first dispatch.
    pub fn pipeline_times(&self) -> Vec<(String, f64)> {
        let (program, checks) = (&self.program, self.variant().has_checks());
        let of = program.shaders.iter().filter_map(|shader| {
            let took = self.device.pipelines().time_to_make(shader, checks)?;
            Some((shader.kernel.to_string(), took.as_secs_f64()))
        });
        of.collect()
    }

    /// Number of dispatches in a training step.
    pub fn dispatches(&self) -> usize {
        self.program.training.dispatches.len()
    }

    /// Bytes of all buffers on the device.
    pub fn buffer_bytes(&self) -> u64 {
        let buffers = self.program.buffers.iter().map(|buffer| buffer.bytes);
        buffers.sum()
    }
}

/// The sum of the medians of each kernel's dispatches, from the samples of each dispatch.
fn by_kernel<'a>(dispatches: impl Iterator<Item = (&'a str, Vec<f64>)>) -> Vec<KernelTime> {
    let mut times: Vec<KernelTime> = Vec::new();
    for (kernel, samples) in dispatches {
        let seconds = median(&samples).unwrap_or(0.0);
        match times.iter_mut().find(|time| time.kernel == kernel) {
            Some(time) => time.seconds += seconds,
            None => times.push(KernelTime {
                kernel: kernel.to_owned(),
                seconds,
            }),
        }
    }
    times
}

/// Median of some times, of an even number the upper; `None` of none.
pub(in crate::gpu) fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// Bytes of a timestamp.
const STAMP: u64 = wgpu::QUERY_SIZE as u64;

impl Device {
    /// Seconds that each dispatch of a plan takes, run once; `None` if the device has no timestamps, or writes zeros instead
    /// (some drivers of Metal do).
    async fn time(&self, plan: &ReadyPlan) -> Result<Option<Vec<f64>>> {
        let (device, queue) = self.wgpu();
        if !device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(None);
        }
        let count = 2 * plan.dispatches.len() as u32;
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let resolved = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size: STAMP * u64::from(count),
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let label = Some("timed");
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label });
        for ((pipeline, bind_group, [x, y, z]), first) in
            plan.dispatches.iter().zip((0..count).step_by(2))
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label,
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &queries,
                    beginning_of_pass_write_index: Some(first),
                    end_of_pass_write_index: Some(first + 1),
                }),
            });
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, bind_group, &[]);
            pass.dispatch_workgroups(*x, *y, *z);
        }
        encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
        queue.submit([encoder.finish()]);
        let source = (&resolved, 0, resolved.size() as usize / 4);
        let words = self.read(&[source]).await?;
        let period = f64::from(queue.get_timestamp_period()) * 1e-9;
        Ok(durations(&words, period))
    }
}

/// Seconds between the two timestamps of each dispatch, of two words each, `[begin][end]`; `None` if one is zero, which
/// no clock shows.
fn durations(words: &[u32], period: f64) -> Option<Vec<f64>> {
    let stamps = words.chunks_exact(2);
    let stamps: Vec<_> = stamps
        .map(|words| u64::from(words[0]) | u64::from(words[1]) << 32)
        .collect();
    let pairs = stamps.chunks_exact(2);
    let ticks = pairs.map(|pair| pair[1].saturating_sub(pair[0]));
    (!stamps.contains(&0)).then(|| ticks.map(|ticks| ticks as f64 * period).collect())
}

#[cfg(test)]
mod tests {
    use super::{by_kernel, durations};

    #[test]
    fn the_medians_of_a_kernels_dispatches_are_added() {
        let dispatches = [
            ("forward", vec![3.0, 1.0, 2.0, 5.0, 4.0]),
            ("update", vec![7.0]),
            ("forward", vec![10.0, 30.0, 20.0]),
        ];
        let times = by_kernel(dispatches.into_iter());
        let found = times.iter().map(|time| (&*time.kernel, time.seconds));
        assert!(found.eq([("forward", 23.0), ("update", 7.0)]));
    }

    #[test]
    fn zero_timestamps_are_no_measurement() {
        // From 2³² to 2³² + 500, and from 7 to 7.
        assert_eq!(
            durations(&[0, 1, 500, 1, 7, 0, 7, 0], 2.0),
            Some(vec![1_000.0, 0.0])
        );
        assert_eq!(durations(&[1, 0, 2, 0, 0, 0, 0, 0], 1.0), None);
    }
}
