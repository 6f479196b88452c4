//! The kernels on hardware that this machine does not have: every pipeline that a recipe can ask for is
//! translated for Metal, DX12 and Vulkan, compiled by those interfaces' own compilers where there is one for this
//! machine, counted against WebGPU's limits, and searched for what is known to go wrong silently.
//!
//! Tools that are absent make their tests ignored, never passed. GPU_TRAIN_REQUIRE_TOOLS names those whose absence
//! fails: `1` for all, or some of `spirv-val,dxc,tint` (scripts/test installs them). What is translated stays in
//! target/shaders.

mod limits;
mod lint;
mod lint_cases;
mod pipelines;
#[path = "../common/required.rs"]
mod required;
mod tools;
mod translate;

use libtest_mimic::{Arguments, Failed, Trial};

use pipelines::Pipeline;
use tools::Tool;

/// All complaints as one failure.
fn none(complaints: Vec<String>) -> Result<(), Failed> {
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("\n").into())
    }
}

/// A check of each pipeline.
fn of_each(
    pipelines: &'static [Pipeline],
    name: &str,
    check: fn(&Pipeline) -> Result<(), String>,
) -> Trial {
    let run = move || {
        let complaints = pipelines.iter().filter_map(|pipeline| {
            let complaint = check(pipeline).err()?;
            Some(format!("{}: {complaint}", pipeline.name))
        });
        none(complaints.collect())
    };
    Trial::test(name, run).with_kind(format!("{} pipelines", pipelines.len()))
}

/// A tool accepts what it should and rejects what it should; without the tool, ignored or failed.
fn of_tool(tool: Tool, pipelines: &'static [Pipeline]) -> [Trial; 2] {
    let pipelines = tool.selection(pipelines);
    let found = tool.find();
    let missing = found.as_ref().err();
    let required = tool.is_required();
    let ignored = missing.is_some() && !required;
    if let Some(reason) = missing {
        let what = if required { "fail" } else { "are ignored" };
        println!("no {}: its tests {what}: {reason}", tool.name());
    }
    let kind = match missing {
        Some(reason) => reason.lines().next().unwrap_or_default().to_owned(),
        None => format!("{} pipelines", pipelines.len()),
    };
    let here = found.clone();
    let accepts = move || none(tool.complaints(&here?, &pipelines)?);
    let rejects = move || Ok(tool.rejects_what_is_broken(&found?)?);
    [
        Trial::test(format!("{}::accepts_every_pipeline", tool.name()), accepts)
            .with_kind(kind.clone())
            .with_ignored_flag(ignored),
        Trial::test(format!("{}::rejects_what_is_broken", tool.name()), rejects)
            .with_kind(kind)
            .with_ignored_flag(ignored),
    ]
}

fn main() {
    let arguments = Arguments::from_args();
    let pipelines: &'static [Pipeline] = pipelines::all().leak();
    if !arguments.list
        && let Err(error) = translate::write_all(pipelines)
    {
        println!("target/shaders could not be written: {error}");
        std::process::exit(1);
    }
    let mut trials = vec![
        Trial::test("pipelines::every_kernel_in_every_variant", || {
            Ok(pipelines::are_complete(pipelines)?)
        }),
        Trial::test("pipelines::dxc_sees_every_tile_way_and_net", move || {
            Ok(pipelines::covering_covers(pipelines)?)
        }),
        of_each(pipelines, "naga::valid_for_all_backends", |pipeline| {
            translate::module(&pipeline.wgsl).map(drop)
        }),
        of_each(pipelines, "naga::metal", translate::msl_has_the_entry_point),
        of_each(pipelines, "naga::dx12", translate::hlsl_has_the_entry_point),
        of_each(
            pipelines,
            "naga::vulkan",
            translate::spirv_has_the_entry_point,
        ),
        Trial::test("naga::rejects_what_one_backend_lacks", || {
            Ok(translate::rejects_what_one_backend_lacks()?)
        }),
        of_each(pipelines, "limits::of_every_kernel", limits::check),
        of_each(
            pipelines,
            "bindings::as_in_the_shader",
            limits::check_bindings,
        ),
        Trial::test("limits::of_every_dispatch", || {
            Ok(limits::check_dispatches()?)
        }),
        Trial::test("limits::of_webgpus_defaults", || {
            Ok(limits::check_defaults()?)
        }),
        Trial::test("limits::rejects_too_much", || {
            Ok(limits::rejects_too_much()?)
        }),
        of_each(pipelines, "lint::every_kernel", |pipeline| {
            let (module, info) = translate::module(&pipeline.wgsl)?;
            let found = lint::lint(&module, &info);
            if found.is_empty() {
                Ok(())
            } else {
                Err(found.join("; "))
            }
        }),
    ];
    trials.extend(lint_cases::trials(pipelines));
    for tool in [Tool::SpirvVal, Tool::Dxc, Tool::Tint] {
        trials.extend(of_tool(tool, pipelines));
    }
    libtest_mimic::run(&arguments, trials).exit();
}
