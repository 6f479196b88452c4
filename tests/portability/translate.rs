//! WGSL through naga, with the options that wgpu-hal 30 passes for shaders that are checked at run time, and for those that
//! are not.

use std::path::PathBuf;

use naga::back::{hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage, StorageAccess};

use crate::pipelines::Pipeline;

const ENTRY: &str = "main";

/// A SPIR-V version with the Vulkan version that wgpu chooses it for, as `spirv-val` writes it.
#[derive(Clone, Copy)]
pub struct Vulkan {
    /// The value of `spirv-val --target-env`.
    pub environment: &'static str,
    version: (u8, u8),
    // Newer drivers keep to a buffer's bounds by themselves.
    modern: bool,
}

/// The oldest and the newest Vulkan that matter.
pub const VULKANS: [Vulkan; 2] = [
    Vulkan {
        environment: "vulkan1.1",
        version: (1, 3),
        modern: false,
    },
    Vulkan {
        environment: "vulkan1.3",
        version: (1, 6),
        modern: true,
    },
];

/// `target/shaders/KIND`, made if it is not there.
pub fn folder(kind: &str) -> std::io::Result<PathBuf> {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let folder = target
        .parent()
        .unwrap_or(&target)
        .join("shaders")
        .join(kind);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The file that holds a pipeline's text of this kind.
pub fn path(kind: &str, name: &str, extension: &str) -> std::io::Result<PathBuf> {
    Ok(folder(kind)?.join(format!("{name}.{extension}")))
}

/// The file that holds a pipeline's SPIR-V.
pub fn spirv_path(name: &str, vulkan: Vulkan) -> std::io::Result<PathBuf> {
    path("spv", &format!("{name}.{}", vulkan.environment), "spv")
}

/// Writes all texts under `target/shaders`. What cannot be translated is left out here, and fails its own test.
pub fn write_all(pipelines: &[Pipeline]) -> std::io::Result<()> {
    // Nothing of an earlier build may replace what cannot be translated now.
    for kind in ["wgsl", "msl", "cuda", "hlsl", "spv"] {
        std::fs::remove_dir_all(folder(kind)?)?;
    }
    for kind in ["cuda", "hlsl", "spv"] {
        std::fs::remove_dir_all(folder(&format!("{kind}-unchecked"))?)?;
    }
    for pipeline in pipelines {
        let name = pipeline.name.as_str();
        std::fs::write(path("wgsl", name, "wgsl")?, &pipeline.wgsl)?;
        if let Ok((text, _)) = msl(&pipeline.wgsl, Checks::All) {
            std::fs::write(path("msl", name, "metal")?, text)?;
        }
        if let Ok((text, _)) = hlsl(&pipeline.wgsl, Checks::All) {
            std::fs::write(path("hlsl", name, "hlsl")?, text)?;
        }
        for vulkan in VULKANS {
            if let Ok(words) = spirv(&pipeline.wgsl, vulkan, Checks::All) {
                std::fs::write(spirv_path(name, vulkan)?, bytes(&words))?;
            }
        }
        // With the checks of Vulkan on NVIDIA, for `scripts/compile-for-nvidia.py`.
        if let Ok((text, _)) = msl(&pipeline.wgsl, Checks::AllButBuffers) {
            std::fs::write(path("cuda", name, "metal")?, text)?;
        }
        if pipeline.is_fused {
            write_unchecked(pipeline)?;
        }
    }
    Ok(())
}

/// Writes the texts of a kernel that runs without checks.
fn write_unchecked(pipeline: &Pipeline) -> std::io::Result<()> {
    let (name, wgsl) = (pipeline.name.as_str(), &pipeline.wgsl);
    if let Ok((text, _)) = msl(wgsl, Checks::None) {
        std::fs::write(path("cuda-unchecked", name, "metal")?, text)?;
    }
    if let Ok((text, _)) = hlsl(wgsl, Checks::None) {
        std::fs::write(path("hlsl-unchecked", name, "hlsl")?, text)?;
    }
    let newest = VULKANS[1];
    if let Ok(words) = spirv(wgsl, newest, Checks::None) {
        let extension = format!("{}.spv", newest.environment);
        std::fs::write(path("spv-unchecked", name, &extension)?, bytes(&words))?;
    }
    Ok(())
}

/// The capabilities that Metal, DX12 and Vulkan share.
fn common_capabilities() -> Capabilities {
    msl::supported_capabilities() & hlsl::supported_capabilities() & spv::supported_capabilities()
}

/// Parsed and validated with no more than all backends can do.
pub fn module(wgsl: &str) -> Result<(Module, ModuleInfo), String> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|error| error.emit_to_string(wgsl))?;
    let info = Validator::new(ValidationFlags::all(), common_capabilities())
        .validate(&module)
        .map_err(|error| error.emit_to_string(wgsl))?;
    // Overrides would make more pipelines than the texts show.
    if !module.overrides.is_empty() {
        return Err("found overrides: these tests know none".into());
    }
    Ok((module, info))
}

/// Each binding with whether it is written and whether it is a uniform.
fn bindings(module: &Module) -> impl Iterator<Item = (naga::ResourceBinding, bool, bool)> {
    module.global_variables.iter().filter_map(|(_, global)| {
        let written = match global.space {
            AddressSpace::Storage { access } => access.contains(StorageAccess::STORE),
            _ => false,
        };
        let uniform = global.space == AddressSpace::Uniform;
        Some((global.binding?, written, uniform))
    })
}

/// The checks at run time.
#[derive(Clone, Copy, PartialEq)]
pub enum Checks {
    /// Of every index, loop and divisor.
    All,
    /// The same, but for indices into buffers, which the driver checks.
    AllButBuffers,
    /// None.
    None,
}

impl Checks {
    fn policies(self) -> BoundsCheckPolicies {
        let restrict_unless = |unchecked| match unchecked {
            true => BoundsCheckPolicy::Unchecked,
            false => BoundsCheckPolicy::Restrict,
        };
        BoundsCheckPolicies {
            index: restrict_unless(self == Self::None),
            buffer: restrict_unless(self != Self::All),
            image_load: BoundsCheckPolicy::Restrict,
            binding_array: BoundsCheckPolicy::Unchecked,
        }
    }
}

fn only<T, E: std::fmt::Display>(names: Vec<Result<T, E>>) -> Result<T, String> {
    let mut names = names.into_iter();
    match (names.next(), names.next()) {
        (Some(name), None) => name.map_err(|error| error.to_string()),
        _ => Err("expected one entry point".into()),
    }
}

/// The Metal text and the entry point's name in it; wgpu has all checked.
pub fn msl(wgsl: &str, checks: Checks) -> Result<(String, String), String> {
    let (module, info) = module(wgsl)?;
    let mut resources = msl::EntryPointResources::default();
    for ((binding, written, _), slot) in bindings(&module).zip(0..) {
        let target = msl::BindTarget {
            buffer: Some(slot),
            mutable: written,
            ..Default::default()
        };
        resources.resources.insert(binding, target);
    }
    resources.sizes_buffer = Some(30);
    let options = msl::Options {
        // macOS 10.13, older than any that wgpu supports well.
        lang_version: (2, 0),
        per_entry_point_map: [(ENTRY.to_owned(), resources)].into(),
        fake_missing_bindings: false,
        bounds_check_policies: checks.policies(),
        zero_initialize_workgroup_memory: false,
        force_loop_bounding: checks != Checks::None,
        emit_int_div_checks: checks != Checks::None,
        ..Default::default()
    };
    let pipeline = msl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, ENTRY.into())),
        ..Default::default()
    };
    let (text, translation) = msl::write_string(&module, &info, &options, &pipeline)
        .map_err(|error| format!("{error:?}"))?;
    Ok((text, only(translation.entry_point_names)?))
}

/// The HLSL text for shader model 6.0, the lowest of DX12, and the entry point's name in it.
pub fn hlsl(wgsl: &str, checks: Checks) -> Result<(String, String), String> {
    let (module, info) = module(wgsl)?;
    let mut options = hlsl::Options {
        shader_model: hlsl::ShaderModel::V6_0,
        fake_missing_bindings: false,
        zero_initialize_workgroup_memory: false,
        restrict_indexing: checks != Checks::None,
        force_loop_bounding: checks != Checks::None,
        ..Default::default()
    };
    // As wgpu counts registers: b, t and u by themselves, in the order of the bindings, without dynamic offsets.
    let mut all: Vec<_> = bindings(&module).collect();
    all.sort();
    let [mut b, mut t, mut u] = [hlsl::BindTarget::default(); 3];
    for (binding, written, uniform) in all {
        let next = match (uniform, written) {
            (true, _) => &mut b,
            (false, false) => &mut t,
            (false, true) => &mut u,
        };
        options.binding_map.insert(binding, *next);
        next.register += 1;
    }
    // Holds the number of workgroups.
    options.special_constants_binding = Some(b);
    let pipeline = hlsl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, ENTRY.into())),
    };
    let mut text = String::new();
    let reflection = hlsl::Writer::new(&mut text, &options, &pipeline)
        .write(&module, &info, None)
        .map_err(|error| format!("{error:?}"))?;
    Ok((text, only(reflection.entry_point_names)?))
}

/// The words of the SPIR-V.
pub fn spirv(wgsl: &str, vulkan: Vulkan, checks: Checks) -> Result<Vec<u32>, String> {
    let (module, info) = module(wgsl)?;
    let checks = match checks {
        Checks::All if vulkan.modern => Checks::AllButBuffers,
        checks => checks,
    };
    let options = spv::Options {
        lang_version: vulkan.version,
        bounds_check_policies: checks.policies(),
        force_loop_bounding: checks != Checks::None,
        emit_int_div_checks: checks != Checks::None,
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        ..Default::default()
    };
    let pipeline = spv::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: ENTRY.into(),
    };
    spv::write_vec(&module, &info, &options, Some(&pipeline)).map_err(|error| format!("{error:?}"))
}

/// SPIR-V as a file holds it.
pub fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Metal's kernel function is there.
pub fn msl_has_the_entry_point(pipeline: &Pipeline) -> Result<(), String> {
    let (text, entry) = msl(&pipeline.wgsl, Checks::All)?;
    let head = format!("kernel void {entry}(");
    if text.contains(&head) {
        Ok(())
    } else {
        Err(format!("no \"{head}\""))
    }
}

/// HLSL's function is there, with a workgroup's size in front.
pub fn hlsl_has_the_entry_point(pipeline: &Pipeline) -> Result<(), String> {
    let (text, entry) = hlsl(&pipeline.wgsl, Checks::All)?;
    let head = format!("void {entry}(");
    if text.contains(&head) && text.contains("[numthreads(") {
        Ok(())
    } else {
        Err(format!("no \"{head}\" with numthreads"))
    }
}

/// SPIR-V's OpEntryPoint is there, a compute shader of the right name.
pub fn spirv_has_the_entry_point(pipeline: &Pipeline) -> Result<(), String> {
    const OP_ENTRY_POINT: u32 = 15;
    const GL_COMPUTE: u32 = 5;
    for vulkan in VULKANS {
        let words = spirv(&pipeline.wgsl, vulkan, Checks::All)?;
        let mut rest = words.get(5..).ok_or("a header only")?;
        let mut found = false;
        while let Some(&first) = rest.first() {
            let length = (first >> 16) as usize;
            if length == 0 || length > rest.len() {
                return Err("an instruction of no length or beyond the end".into());
            }
            let (instruction, after) = rest.split_at(length);
            // Opcode, stage, function, then the name.
            found |= first & 0xffff == OP_ENTRY_POINT
                && instruction[1] == GL_COMPUTE
                && bytes(&instruction[3..]).starts_with(b"main\0");
            rest = after;
        }
        if !found {
            return Err(format!("no OpEntryPoint main for {}", vulkan.environment));
        }
    }
    Ok(())
}

/// The validation is seen to fail: 64-bit floats are not Metal's, subgroup barriers not DX12's, float atomics neither's.
pub fn rejects_what_one_backend_lacks() -> Result<(), String> {
    let bad = [
        "@group(0) @binding(0) var<storage, read_write> a: array<f64>;
        @compute @workgroup_size(64) fn main() { a[0] = 1.0lf; }",
        "@compute @workgroup_size(64) fn main() { subgroupBarrier(); }",
        "@group(0) @binding(0) var<storage, read_write> a: atomic<f32>;
        @compute @workgroup_size(64) fn main() { atomicAdd(&a, 1.0); }",
    ];
    for text in bad {
        let parsed =
            naga::front::wgsl::parse_str(text).map_err(|error| error.emit_to_string(text))?;
        Validator::new(ValidationFlags::all(), Capabilities::all())
            .validate(&parsed)
            .map_err(|error| format!("invalid at all: {}", error.emit_to_string(text)))?;
        if module(text).is_ok() {
            return Err(format!("accepted: {text}"));
        }
    }
    Ok(())
}
