//! One dispatch alone, on the path the engine takes: the same device, pipelines, bind groups and read-back. For tests.

use super::device::Device;
use super::plan::{BufferSpec, Dispatch, Plan, Shader, Usage};
use super::wait::block_on;
use crate::error::{Error, Result};

/// A device on which single dispatches run.
pub struct Single {
    device: Device,
}

impl Single {
    /// Opens an adapter.
    ///
    /// # Errors
    /// [`Error::Device`] if the adapter lacks something or cannot be opened.
    pub fn open(adapter: &wgpu::Adapter) -> Result<Self> {
        let device = block_on(Device::open(adapter, None))?;
        Ok(Self { device })
    }

    /// Runs a dispatch once and returns what its buffers hold then.
    ///
    /// `contents` has the words of each binding, 0 (the uniform) first; the buffers are as large as these.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is not one content for each binding; [`Error::Device`] if the shader or the dispatch
    /// is refused, or the device fails.
    pub fn run(
        &self,
        shader: &Shader,
        dispatch: &Dispatch,
        contents: &[Vec<u32>],
    ) -> Result<Vec<Vec<u32>>> {
        if contents.len() != dispatch.bindings.len() {
            return Err(Error::Usage(format!(
                "found contents of {} buffers, expected {} for {}",
                contents.len(),
                dispatch.bindings.len(),
                dispatch.kernel
            )));
        }
        let specs = dispatch.bindings.iter().zip(contents).enumerate();
        let specs: Vec<_> = specs
            .map(|(binding, (name, words))| BufferSpec {
                name: name.clone(),
                bytes: 4 * words.len() as u64,
                usage: if (binding as u32) < shader.uniforms {
                    Usage::Uniform
                } else {
                    Usage::Storage
                },
            })
            .collect();
        let resources = self.device.create(&specs, std::slice::from_ref(shader))?;
        let plan = Plan {
            name: "single",
            dispatches: vec![dispatch.clone()],
        };
        let ready = self.device.ready(&resources, &plan)?;
        let bound = specs.iter().map(|spec| resources.buffer(&spec.name));
        let lengths = contents.iter().map(Vec::len);
        let sources: Vec<_> = bound
            .zip(lengths)
            .map(|(buffer, words)| (buffer, 0, words))
            .collect();
        for (&(buffer, _, _), words) in sources.iter().zip(contents) {
            self.device.write(buffer, words);
        }
        self.device.submit(&ready, 1);
        let words = block_on(self.device.read(&sources))?;
        let mut rest = words.as_slice();
        let after = sources.iter().map(|&(_, _, count)| {
            let (buffer, others) = rest.split_at(count);
            rest = others;
            buffer.to_vec()
        });
        Ok(after.collect())
    }
}
