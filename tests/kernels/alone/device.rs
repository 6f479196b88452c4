//! Single dispatches, on the path that the engine takes: the same device, pipelines, bind groups and read-back.

use gpu_train::error::Result;
use gpu_train::gpu::step::plan::{Access, Buffer, BufferSpec, Dispatch, Plan, Shader, Usage};
use gpu_train::gpu::{Device, block_on};

/// A device on which single dispatches run.
pub struct Single(Device);

impl Single {
    /// Opens an adapter.
    pub fn open(adapter: &wgpu::Adapter) -> Result<Self> {
        block_on(Device::open(adapter, None)).map(Self)
    }

    /// Runs a dispatch once and returns the contents of its buffers afterwards.
    ///
    /// `contents` has the words of each binding; the buffers are as large as these.
    pub fn run(
        &self,
        shader: &Shader,
        dispatch: &Dispatch,
        contents: &[Vec<u32>],
    ) -> Result<Vec<Vec<u32>>> {
        assert_eq!(contents.len(), dispatch.buffers.len(), "{}", shader.kernel);
        let bindings = shader.bindings.iter().zip(&dispatch.buffers).zip(contents);
        let specs = bindings.map(|((binding, buffer), words)| BufferSpec {
            buffer: buffer.clone(),
            bytes: 4 * words.len() as u64,
            usage: match binding.access {
                Access::Uniform => Usage::Uniform,
                Access::Read | Access::Write => Usage::Storage,
            },
        });
        let specs: Vec<BufferSpec> = specs.collect();
        let device = &self.0;
        let resources = device.create(&specs, std::slice::from_ref(shader))?;
        let plan = Plan {
            name: "single".into(),
            dispatches: vec![dispatch.clone()],
        };
        let ready = device.ready(&resources, &plan)?;
        let of = |buffer: &Buffer| resources.buffer(buffer);
        for (buffer, words) in dispatch.buffers.iter().zip(contents) {
            device.write(of(buffer), 0, words);
        }
        device.submit(&ready, 1);
        let sources = dispatch.buffers.iter().zip(contents);
        let sources: Vec<_> = sources
            .map(|(buffer, words)| (of(buffer), 0, words.len()))
            .collect();
        let words = block_on(device.read(&sources))?;
        let mut rest = words.as_slice();
        let after = sources.iter().map(|&(_, _, count)| {
            let (buffer, others) = rest.split_at(count);
            rest = others;
            buffer.to_vec()
        });
        Ok(after.collect())
    }
}
