//! A program that was written as JSON is replayed from the JSON alone, by a host that knows no type of the project, and
//! ends at the bytes of the engine.

use std::collections::HashMap;

use gpu_train::engine::{Engine, State};
use gpu_train::gpu::step::contents::Value;
use gpu_train::gpu::step::plan::Buffer;
use gpu_train::recipe::Optimizer;
use gpu_train::threads::Threads;
use gpu_train::whitening::Sample;
use libtest_mimic::Failed;
use serde_json::{Value as Json, json};
use wgpu::util::DeviceExt;

use crate::fixture::Case;
use crate::inspect;

const STEPS: u32 = 5;

/// The weights of a replay are those of the engine, byte for byte.
pub fn is_the_engines_run(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    gpu.train(STEPS)?;
    let text = written(&gpu, case)?;
    let value = gpu.program().range(Value::Parameters);
    let expected = inspect::words(&gpu, &value.buffer)?;
    let name = value.buffer.to_string();
    let [early, found] = pollster::block_on(replayed(adapter, &text, &name))?;
    if early == expected {
        return Err("a step less ends at the same weights".into());
    }
    match found.iter().zip(&expected).position(|(a, b)| a != b) {
        _ if found.len() != expected.len() => Err("another number of weights".into()),
        Some(at) => Err(format!("weight {at}: {}, expected {}", found[at], expected[at]).into()),
        None => Ok(()),
    }
}

/// The program and the contents of its buffers before the first step.
fn written(gpu: &gpu_train::gpu::Gpu, case: &Case) -> Result<String, Failed> {
    let (program, recipe, digits) = (gpu.program(), case.recipe(), case.digits());
    let mut contents = Vec::new();
    let mut write = |buffer: &Buffer, first: u64, words: &[u32]| {
        contents.push(json!({ "buffer": buffer, "first": first, "words": words }));
    };
    program.write_constants(&recipe, &digits, &mut write);
    program.write_state(&State::start(case.parameters()), &mut write);
    program.write_schedule(&recipe, 0..STEPS, case.examples, &mut write);
    if recipe.optimizer == Optimizer::WhitenedMuon {
        let (examples, start) = (recipe.curvature_sample as usize, case.parameters());
        let (functions, threads) = ((&recipe).into(), Threads::start(1));
        let set = &digits.train;
        let damping = recipe.damping;
        let sample = Sample::of(set, examples, damping, &threads)?;
        let whitening = sample.whitening(&start, functions, &threads)?;
        program.write_whitening(&whitening, &mut write);
    }
    let document = json!({ "program": program, "contents": contents, "steps": STEPS });
    Ok(serde_json::to_string(&document)?)
}

/// A separate host.
struct Host {
    device: wgpu::Device,
    queue: wgpu::Queue,
    buffers: HashMap<String, wgpu::Buffer>,
    pipelines: HashMap<String, wgpu::ComputePipeline>,
}

fn text(json: &Json) -> Result<&str, Failed> {
    json.as_str()
        .ok_or_else(|| format!("{json} is no text").into())
}

fn number(json: &Json) -> Result<u64, Failed> {
    json.as_u64()
        .ok_or_else(|| format!("{json} is no number").into())
}

fn list(json: &Json) -> Result<&[Json], Failed> {
    let list = json
        .as_array()
        .ok_or_else(|| format!("{json} is no list"))?;
    Ok(list)
}

impl Host {
    async fn new(adapter: &wgpu::Adapter, program: &Json) -> Result<Self, Failed> {
        let descriptor = wgpu::DeviceDescriptor {
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let (device, queue) = adapter.request_device(&descriptor).await?;
        let mut host = Self {
            device,
            queue,
            buffers: HashMap::new(),
            pipelines: HashMap::new(),
        };
        for spec in list(&program["buffers"])? {
            host.add_buffer(spec)?;
        }
        for shader in list(&program["shaders"])? {
            host.add_shader(shader)?;
        }
        Ok(host)
    }

    fn add_buffer(&mut self, spec: &Json) -> Result<(), Failed> {
        let bound = match text(&spec["usage"])? {
            "storage" => wgpu::BufferUsages::STORAGE,
            "uniform" => wgpu::BufferUsages::UNIFORM,
            "storage-and-uniform" => wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::UNIFORM,
            other => return Err(format!("usage {other}").into()),
        };
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: number(&spec["bytes"])?,
            usage: bound | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        self.buffers.insert(text(&spec["buffer"])?.into(), buffer);
        Ok(())
    }

    fn add_shader(&mut self, shader: &Json) -> Result<(), Failed> {
        let mut entries = Vec::new();
        for (binding, index) in list(&shader["bindings"])?.iter().zip(0..) {
            let ty = match text(&binding["access"])? {
                "uniform" => wgpu::BufferBindingType::Uniform,
                access => wgpu::BufferBindingType::Storage {
                    read_only: access == "read",
                },
            };
            entries.push(wgpu::BindGroupLayoutEntry {
                binding: index,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            });
        }
        let layout = wgpu::BindGroupLayoutDescriptor {
            label: None,
            entries: &entries,
        };
        let layout = self.device.create_bind_group_layout(&layout);
        let pipeline_layout = wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        };
        let pipeline_layout = self.device.create_pipeline_layout(&pipeline_layout);
        let module = wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(text(&shader["wgsl"])?.into()),
        };
        let module = self.device.create_shader_module(module);
        let pipeline = wgpu::ComputePipelineDescriptor {
            label: None,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        };
        let pipeline = self.device.create_compute_pipeline(&pipeline);
        self.pipelines
            .insert(text(&shader["kernel"])?.into(), pipeline);
        Ok(())
    }

    fn write(&self, content: &Json) -> Result<(), Failed> {
        let words: Vec<u32> = serde_json::from_value(content["words"].clone())?;
        let buffer = &self.buffers[text(&content["buffer"])?];
        let first = 4 * number(&content["first"])?;
        self.queue
            .write_buffer(buffer, first, bytemuck::cast_slice(&words));
        Ok(())
    }

    fn run(&self, plan: &Json) -> Result<(), Failed> {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for dispatch in list(&plan["dispatches"])? {
            let pipeline = &self.pipelines[text(&dispatch["kernel"])?];
            let mut entries = Vec::new();
            for (name, binding) in list(&dispatch["buffers"])?.iter().zip(0..) {
                entries.push(wgpu::BindGroupEntry {
                    binding,
                    resource: self.buffers[text(name)?].as_entire_binding(),
                });
            }
            let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            });
            let [x, y, z]: [u32; 3] = serde_json::from_value(dispatch["workgroups"].clone())?;
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &bind_group, &[]);
            pass.dispatch_workgroups(x, y, z);
        }
        drop(pass);
        self.queue.submit([encoder.finish()]);
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Vec<u32>, Failed> {
        let buffer = &self.buffers[name];
        let readback = self
            .device
            .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: None,
                contents: &vec![0; buffer.size() as usize],
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &readback, 0, buffer.size());
        self.queue.submit([encoder.finish()]);
        readback.map_async(wgpu::MapMode::Read, .., |_| ());
        self.device.poll(wgpu::PollType::wait_indefinitely())?;
        let words = bytemuck::pod_collect_to_vec(&readback.get_mapped_range(..)?);
        Ok(words)
    }
}

/// Words of a buffer before the last step of a document, and after it.
async fn replayed(
    adapter: &wgpu::Adapter,
    text: &str,
    name: &str,
) -> Result<[Vec<u32>; 2], Failed> {
    let document: Json = serde_json::from_str(text)?;
    let program = &document["program"];
    let host = Host::new(adapter, program).await?;
    for content in list(&document["contents"])? {
        host.write(content)?;
    }
    host.run(&program["prepare"])?;
    for _ in 1..number(&document["steps"])? {
        host.run(&program["training"])?;
    }
    let early = host.read(name)?;
    host.run(&program["training"])?;
    Ok([early, host.read(name)?])
}
