//! The pipelines of a device: made once per shader, and stored for the next process where wgpu offers that.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use web_time::Instant;

use crate::file;
use crate::gpu::step::plan::{Access, Shader};

/// Pipelines kept for shaders that come again: several times those of one program.
const MOST_PIPELINES: usize = 64;
/// Longest file of stored pipelines that is read: far more than a program's take.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of the hash in front of a file's data.
const HASH: usize = 32;

/// A pipeline that a device has made.
struct Made {
    shader: Shader,
    checks: bool,
    pipeline: wgpu::ComputePipeline,
    took: Duration,
}

impl Made {
    fn is_of(&self, shader: &Shader, checks: bool) -> bool {
        self.shader == *shader && self.checks == checks
    }
}

/// wgpu's cache of compiled pipelines, and its file.
struct Stored {
    cache: wgpu::PipelineCache,
    path: PathBuf,
    /// Hash of the data that was read.
    hash: Option<[u8; HASH]>,
}

/// Pipelines that a device has made, and those stored before.
#[derive(Default)]
pub struct Pipelines {
    made: Mutex<Vec<Made>>,
    stored: Option<Stored>,
}

/// The hash and the data of a file of stored pipelines: none where it is missing or too long, or [`stored_pipelines`] has none.
fn read(path: &Path) -> Option<([u8; HASH], Vec<u8>)> {
    stored_pipelines(file::read(path, MOST_BYTES, "pipelines compiled before").ok()?)
}

/// The hash and the data in the content of a file of stored pipelines: none where it is damaged.
pub fn stored_pipelines(mut bytes: Vec<u8>) -> Option<([u8; HASH], Vec<u8>)> {
    let data = bytes.split_off(HASH.min(bytes.len()));
    let hash = bytes.try_into().ok()?;
    (hash == hash_of(&data)).then_some((hash, data))
}

fn hash_of(data: &[u8]) -> [u8; HASH] {
    Sha256::digest(data).into()
}

impl Pipelines {
    /// None made yet, and those stored in a file.
    pub(super) fn stored(device: &wgpu::Device, path: &Path) -> Self {
        let (hash, data) = read(path).unzip();
        let descriptor = wgpu::PipelineCacheDescriptor {
            label: Some("pipelines"),
            data: data.as_deref(),
            fallback: true,
        };
        // SAFETY: the data come from `PipelineCache::get_data`: `store` alone writes such files, and one whose hash does not
        // fit is not used. wgpu refuses data of another adapter or driver.
        let cache = unsafe { device.create_pipeline_cache(&descriptor) };
        Self {
            made: Mutex::default(),
            stored: Some(Stored {
                cache,
                path: path.to_owned(),
                hash,
            }),
        }
    }

    /// Folder of the file.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.stored.as_ref()?.path.parent()
    }

    /// Stores what the device has compiled for the next process, if it is not what was read. A file that cannot be written
    /// costs time, not the run.
    pub fn store(&self) {
        let Some(Stored { cache, path, hash }) = &self.stored else {
            return;
        };
        let Some(data) = cache.get_data() else {
            return;
        };
        let found = hash_of(&data);
        if *hash == Some(found) {
            return;
        }
        if let Some(folder) = path.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        file::remove_leftovers(path);
        if let Err(error) = file::write_atomically(path, &[&found[..], &data].concat()) {
            tracing::warn!(%error, "the compiled pipelines are not stored");
        }
    }

    /// The pipeline of a shader, made now unless it was made before.
    pub(super) fn of(
        &self,
        device: &wgpu::Device,
        shader: &Shader,
        checks: bool,
    ) -> wgpu::ComputePipeline {
        let mut known = self.made();
        if let Some(made) = known.iter().find(|made| made.is_of(shader, checks)) {
            return made.pipeline.clone();
        }
        if known.len() == MOST_PIPELINES {
            known.remove(0);
        }
        let started = Instant::now();
        let cache = self.stored.as_ref().map(|stored| &stored.cache);
        let pipeline = compile(device, shader, checks, cache);
        let took = started.elapsed();
        tracing::debug!(kernel = %shader.kernel, checks, ?took, "made a pipeline");
        known.push(Made {
            shader: shader.clone(),
            checks,
            pipeline: pipeline.clone(),
            took,
        });
        pipeline
    }

    fn made(&self) -> MutexGuard<'_, Vec<Made>> {
        let known = self.made.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }

    /// Time that making a shader's pipeline took, checking and translating it included; `None` if it is not known any more.
    pub fn time_to_make(&self, shader: &Shader, checks: bool) -> Option<Duration> {
        let known = self.made();
        let mut known = known.iter();
        Some(known.find(|made| made.is_of(shader, checks))?.took)
    }
}

/// A shader's module. Without checks, `shader` has to be one of this crate, and what it is run on the buffers of the same
/// program (see `Device::create_with`).
fn module(device: &wgpu::Device, shader: &Shader, checks: bool) -> wgpu::ShaderModule {
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(&*shader.kernel),
        source: wgpu::ShaderSource::Wgsl(shader.wgsl.as_str().into()),
    };
    if checks {
        return device.create_shader_module(descriptor);
    }
    let none = wgpu::ShaderRuntimeChecks::unchecked();
    // SAFETY: in the kernels of this crate on the buffers of their program no index is past its array's end, every loop ends,
    // and no divisor is zero: `tests/kernels/alone/bounds.rs` watches every one of them.
    unsafe { device.create_shader_module_trusted(descriptor, none) }
}

fn compile(
    device: &wgpu::Device,
    shader: &Shader,
    checks: bool,
    cache: Option<&wgpu::PipelineCache>,
) -> wgpu::ComputePipeline {
    let label = Some(&*shader.kernel);
    let module = module(device, shader, checks);
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
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
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
        cache,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelines_are_read_where_their_hash_fits() {
        let data = b"compiled".to_vec();
        let hash = hash_of(&data);
        let good = [&hash[..], &data].concat();
        assert_eq!(stored_pipelines(good.clone()), Some((hash, data)));
        let mut damaged = good.clone();
        damaged[HASH] ^= 1;
        for wrong in [damaged, good[..HASH].to_vec(), good[..5].to_vec(), vec![]] {
            assert_eq!(stored_pipelines(wrong), None);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipelines");
        assert_eq!(read(&path), None);
        std::fs::write(&path, &good).unwrap();
        assert_eq!(read(&path), stored_pipelines(good));
    }
}
