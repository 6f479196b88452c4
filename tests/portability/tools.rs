//! Compilers and validators that others wrote, each run over all pipelines and over something broken.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::pipelines::{Pipeline, WEBGPUS_WORKGROUP_BYTES, covering};
use crate::translate::{self, Checks, VULKANS};

/// A tool that may be absent.
#[derive(Clone, Copy)]
pub enum Tool {
    /// Khronos' validator of SPIR-V.
    SpirvVal,
    /// Microsoft's compiler of HLSL, as DX12 uses it.
    Dxc,
    /// Dawn's compiler of WGSL, as Chrome uses it: a second opinion on what is WGSL at all.
    Tint,
}

/// The call of a tool, before the files.
pub type Call = Vec<PathBuf>;

fn run(call: &[PathBuf], files: &[PathBuf]) -> Result<(bool, String), String> {
    let output = Command::new(&call[0])
        .args(&call[1..])
        .args(files)
        .output()
        .map_err(|error| format!("{}: {error}", call[0].display()))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    Ok((output.status.success(), text))
}

impl Tool {
    /// Its name in GPU_TRAIN_REQUIRE_TOOLS.
    pub fn name(self) -> &'static str {
        match self {
            Self::SpirvVal => "spirv-val",
            Self::Dxc => "dxc",
            Self::Tint => "tint",
        }
    }

    /// True if its absence is a failure.
    pub fn is_required(self) -> bool {
        crate::required::is_required(self.name())
    }

    /// The call, or the reason why there is none.
    pub fn find(self) -> Result<Call, String> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        let tools = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools");
        let call = match self {
            Self::SpirvVal => vec!["spirv-val".into()],
            Self::Dxc => {
                let script = scripts.join("compile-with-dxc.py");
                vec!["python3".into(), script, tools.join("dxc/libdxcompiler.so")]
            }
            Self::Tint => {
                let script = scripts.join("check-with-tint.mjs");
                vec!["node".into(), script, tools.join("tint")]
            }
        };
        // Without files the scripts only say whether they could work.
        let probe: &[PathBuf] = match self {
            Self::SpirvVal => &["--version".into()],
            Self::Dxc | Self::Tint => &[],
        };
        let (works, text) = run(&call, probe)?;
        if works { Ok(call) } else { Err(text) }
    }

    /// The pipelines that it is to see.
    pub fn selection(self, pipelines: &'static [Pipeline]) -> Vec<&'static Pipeline> {
        match self {
            Self::SpirvVal | Self::Tint => pipelines.iter().collect(),
            // It takes seconds for one `forward_backward`.
            Self::Dxc => covering(pipelines),
        }
    }

    /// Its complaints about the pipelines in target/shaders.
    pub fn complaints(self, call: &Call, pipelines: &[&Pipeline]) -> Result<Vec<String>, String> {
        match self {
            Self::SpirvVal => spirv_complaints(call, pipelines),
            Self::Dxc => self.file_complaints(call, pipelines),
            Self::Tint => {
                // What fits WebGPU's defaults must make a pipeline within them; the rest needs a larger device.
                let fits = |pipeline: &&Pipeline| {
                    let bytes = pipeline.tiling.map_or(0, |tiling| tiling.workgroup_bytes());
                    bytes <= WEBGPUS_WORKGROUP_BYTES
                };
                let (usual, large): (Vec<_>, Vec<_>) = pipelines.iter().copied().partition(fits);
                let only_compile = ["--only-compile".into()];
                let mut complaints = self.file_complaints(call, &usual)?;
                let call = [call.as_slice(), &only_compile].concat();
                complaints.extend(self.file_complaints(&call, &large)?);
                Ok(complaints)
            }
        }
    }

    /// Of a tool that is given all files at once.
    fn file_complaints(self, call: &[PathBuf], of: &[&Pipeline]) -> Result<Vec<String>, String> {
        let files = of.iter().map(|pipeline| self.path(&pipeline.name));
        let files: Result<Vec<_>, _> = files.collect();
        let files = files.map_err(|error| error.to_string())?;
        let (accepted, text) = run(call, &files)?;
        let oks = text.lines().filter(|line| line.starts_with("ok ")).count();
        if accepted && oks == files.len() {
            return Ok(Vec::new());
        }
        let complaints = text.lines().filter(|line| !line.starts_with("ok "));
        let mut complaints: Vec<_> = complaints.map(str::to_owned).collect();
        complaints.push(format!("{oks} of {} files accepted", files.len()));
        Ok(complaints)
    }

    /// The file of the text that it reads.
    fn path(self, name: &str) -> std::io::Result<PathBuf> {
        match self {
            Self::SpirvVal => translate::spirv_path(name, VULKANS[0]),
            Self::Dxc => translate::path("hlsl", name, "hlsl"),
            Self::Tint => translate::path("wgsl", name, "wgsl"),
        }
    }

    /// Shows that it can fail: a sound text is accepted, broken ones, each with one fault, are not.
    pub fn rejects_what_is_broken(self, call: &Call) -> Result<(), String> {
        let (good, bad) = match self {
            Self::SpirvVal => spirv_texts()?,
            Self::Dxc => hlsl_texts(),
            Self::Tint => wgsl_texts(),
        };
        let accepts = |text: &[u8]| -> Result<(bool, String), String> {
            let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
            file.write_all(text).map_err(|error| error.to_string())?;
            let environment: &[PathBuf] = match self {
                Self::SpirvVal => &["--target-env".into(), VULKANS[0].environment.into()],
                Self::Dxc | Self::Tint => &[],
            };
            run(
                &[call.as_slice(), environment].concat(),
                &[file.path().into()],
            )
        };
        let (accepted, text) = accepts(&good)?;
        if !accepted {
            return Err(format!("rejected a sound text: {text}"));
        }
        for (text, expected) in bad {
            let (accepted, said) = accepts(&text)?;
            if accepted {
                return Err(format!("accepted {}", String::from_utf8_lossy(&text)));
            }
            if !said.contains(expected) {
                return Err(format!("expected \"{expected}\", found {said}"));
            }
        }
        Ok(())
    }
}

fn spirv_complaints(call: &Call, pipelines: &[&Pipeline]) -> Result<Vec<String>, String> {
    let mut complaints = Vec::new();
    for name in pipelines.iter().map(|pipeline| pipeline.name.as_str()) {
        for vulkan in VULKANS {
            let path = translate::spirv_path(name, vulkan).map_err(|e| e.to_string())?;
            let environment = ["--target-env".into(), vulkan.environment.into()];
            let (accepted, text) = run(&[call.as_slice(), &environment].concat(), &[path])?;
            if !accepted {
                complaints.push(format!("{name} ({}): {text}", vulkan.environment));
            }
        }
    }
    Ok(complaints)
}

/// A sound text, and broken ones with a part of the expected complaint about each.
type Texts = (Vec<u8>, Vec<(Vec<u8>, &'static str)>);

fn spirv_texts() -> Result<Texts, String> {
    let wgsl = "@group(0) @binding(0) var<storage, read_write> a: array<f32>;
        @compute @workgroup_size(64) fn main() { a[0] = 1.0; }";
    let good = translate::spirv(wgsl, VULKANS[0], Checks::All)?;
    let mut wrong_type = good.clone();
    // The last store gets its own pointer as the value.
    let store = (5..good.len()).rfind(|&at| good[at] == (3 << 16 | 62));
    let store = store.ok_or("no OpStore")?;
    wrong_type[store + 2] = good[store + 1];
    let cut = &good[..good.len() - 1];
    let bad = vec![
        (translate::bytes(&wrong_type), "OpStore"),
        (translate::bytes(cut), "OpFunctionEnd"),
    ];
    Ok((translate::bytes(&good), bad))
}

fn hlsl_texts() -> Texts {
    let text = |statement: &str| {
        format!(
            "RWByteAddressBuffer a : register(u0);
            groupshared float m[64];
            [numthreads(64, 1, 1)]
            void main(uint lane : SV_GroupIndex) {{ m[lane] = 1.0; {statement} a.Store(0, asuint(m[0])); }}"
        )
        .into_bytes()
    };
    let bad = vec![
        (text("undeclared = 1;"), "undeclared identifier"),
        (text("m[0] = a;"), "cannot"),
        (
            text("GroupMemoryBarrierWithGroupSync(1);"),
            "GroupMemoryBarrierWithGroupSync",
        ),
    ];
    (text("GroupMemoryBarrierWithGroupSync();"), bad)
}

fn wgsl_texts() -> Texts {
    let text = |statement: &str| {
        format!(
            "@group(0) @binding(0) var<storage, read_write> a: array<f32>;
            var<workgroup> m: array<f32, 64>;
            @compute @workgroup_size(64)
            fn main(@builtin(local_invocation_index) lane: u32) {{ m[lane] = 1.0; {statement} a[lane] = m[0]; }}"
        )
        .into_bytes()
    };
    let bad = vec![
        (text("let x: u32 = 1.5f;"), "cannot initialize"),
        // What naga lets pass: see the lint.
        (
            text("if (lane < 32u) { workgroupBarrier(); }"),
            "uniform control flow",
        ),
        (text("a[0] = undeclared;"), "unresolved"),
        (
            String::from_utf8_lossy(&text(""))
                .replace("size(64)", "size(257)")
                .into_bytes(),
            "pipeline",
        ),
    ];
    (text("workgroupBarrier();"), bad)
}
