//! Each rule of the lint is seen to fail on a bad kernel and to accept a good one.

use libtest_mimic::Trial;
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::lint::lint;
use crate::pipelines::Pipeline;
use crate::translate;

/// Something wrong and right: a name, what the complaint says, then bodies of `main`.
struct Case {
    rule: &'static str,
    complaint: &'static str,
    bad: &'static [&'static str],
    good: &'static [&'static str],
}

/// In front of every body. `v` varies from invocation to invocation, `u` does not.
const PRELUDE: &str = "
@group(0) @binding(0) var<uniform> run: vec4<u32>;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read> r: array<f32>;
var<workgroup> m: array<f32, 64>;
var<private> p: array<f32, 4>;
const LARGEST = 9.0;
fn bounded(x: f32) -> f32 { return clamp(x, -LARGEST, LARGEST); }
fn half_bounded(x: f32) -> f32 { if (x > 1.0) { return x; } return min(x, 1.0); }
fn largest(x: f32, y: f32) -> f32 { return max(x, y); }
fn everywhere(x: u32) -> bool { return x > 3u; }
fn store(x: ptr<function, u32>, y: u32) { *x = y; }
fn store_and_wait(x: ptr<function, u32>, y: u32) { *x = y; if (*x == 1u) { workgroupBarrier(); } }
fn wait() { workgroupBarrier(); }
fn wait_if(x: u32) { if (x < 4u) { workgroupBarrier(); } }
fn wait_some(x: u32) { if (x < 4u) { return; } workgroupBarrier(); }
";

static CASES: [Case; 5] = [
    Case {
        rule: "indexing",
        complaint: "dynamic index into",
        bad: &[
            "var x = array<f32, 4>(1.0, 2.0, 3.0, 4.0); a[0] = x[v % 4u];",
            "var x: array<f32, 4>; x[u % 4u] = 1.0; a[0] = x[1];",
            "var x: array<f32, 4>; for (var i = 0u; i < 4u; i++) { x[i] = 1.0; } a[0] = x[2];",
            "p[v % 4u] = 1.0; a[0] = p[0];",
            "let x = array<f32, 2>(a[0], a[1]); a[2] = x[v % 2u];",
            "var x = vec4<f32>(1.0); x[v % 4u] = 2.0; a[0] = x.x;",
            "let x = mat2x2<f32>(1.0, 2.0, 3.0, 4.0); a[0] = x[v % 2u].x;",
        ],
        good: &[
            "var x = array<f32, 4>(1.0, 2.0, 3.0, 4.0); a[v] = x[2];",
            "p[1] = 1.0; a[v] = p[1]; m[v] = r[v]; a[v] = m[v];",
            "var x = vec4<f32>(1.0); x.y = 2.0; a[v] = x.x;",
        ],
    },
    Case {
        rule: "tanh",
        complaint: "Tanh of what is not",
        bad: &[
            "a[v] = tanh(r[v]);",
            "a[v] = tanh(min(r[v], 9.0));",
            "a[v] = tanh(max(r[v], -9.0));",
            "a[v] = tanh(clamp(r[v], -50.0, 50.0));",
            "a[v] = tanh(clamp(r[v], r[0], r[1]));",
            "a[v] = tanh(min(max(r[v], -9.0), max(r[0], -9.0)));",
            "a[v] = tanh(2.0 * clamp(r[v], -9.0, 9.0));",
            "var x = clamp(r[v], -9.0, 9.0); x = x + r[0]; a[v] = tanh(x);",
            "a[v] = tanh(half_bounded(r[v]));",
            "a[v] = tanh(select(r[v], 1.0, v > 3u));",
            "var x = vec2<f32>(0.0); x.x = r[v]; a[v] = tanh(x).x;",
        ],
        good: &[
            "a[v] = tanh(clamp(r[v], -9.0, 9.0));",
            "a[v] = tanh(clamp(vec4<f32>(r[v]), vec4<f32>(-9.0), vec4<f32>(9.0))).x;",
            "a[v] = tanh(max(min(r[v], LARGEST), -LARGEST));",
            "a[v] = tanh(min(max(r[v], -LARGEST), LARGEST));",
            "var x = clamp(r[v], -9.0, 9.0); a[v] = tanh(x);",
            "a[v] = tanh(bounded(r[v]));",
            "a[v] = tanh(select(1.0, bounded(r[v]), v > 3u));",
        ],
    },
    Case {
        rule: "exp",
        complaint: "Exp of what is not",
        bad: &[
            "a[v] = exp(r[v]);",
            "a[v] = exp(r[v] - r[0]);",
            "a[v] = exp(max(r[v], 1.0));",
            "a[v] = exp(min(r[v], 100.0));",
            "a[v] = exp(min(r[v], r[0]));",
            "a[v] = exp(max(r[v], r[0]) - r[v]);",
            "var x = 0.0; x = max(x, r[v]); x = r[1]; a[v] = exp(r[v] - x);",
        ],
        good: &[
            "a[v] = exp(min(r[v], 80.0));",
            "a[v] = exp(clamp(r[v], -80.0, 80.0));",
            "a[v] = exp(r[v] - max(r[v], r[0]));",
            "let x = vec2<f32>(max(r[v], r[0])); a[v] = exp(vec2<f32>(r[v], r[0]) - x).x;",
            "a[v] = exp(r[v] - largest(r[v], r[0]));",
            "var x: f32; for (var i = 0u; i < 9u; i++) { x = max(x, r[i]); } a[v] = exp(r[v] - x);",
        ],
    },
    Case {
        rule: "barriers",
        complaint: "not all may reach",
        bad: &[
            "if (v < 4u) { workgroupBarrier(); }",
            "if (r[v] < 4.0) { storageBarrier(); }",
            "if (m[0] < 4.0) { workgroupBarrier(); }",
            "if (v < 4u) { return; } workgroupBarrier();",
            "for (var i = v; i < 64u; i += 8u) { workgroupBarrier(); }",
            "for (var i = 0u; i < 64u; i++) { workgroupBarrier(); if (v < i) { break; } }",
            "for (var i = 0u; i < 64u; i++) { if (v < i) { continue; } workgroupBarrier(); }",
            "var x = u; if (v < 4u) { x = 1u; } if (x == 1u) { workgroupBarrier(); }",
            "var x = u; store(&x, v); if (x == 1u) { workgroupBarrier(); }",
            "var x = u; store_and_wait(&x, v);",
            "var x = u; loop { if (x > 9u) { workgroupBarrier(); break; } x += v; }",
            "if (everywhere(v)) { workgroupBarrier(); }",
            "if (v < 4u) { wait(); }",
            "wait_if(v);",
            "wait_some(v);",
            "switch (v) { case 1u: { workgroupBarrier(); } default: {} }",
            "switch (u) { case 1u: { if (v < 4u) { break; } workgroupBarrier(); } default: {} }",
            "if (a[0] < 4.0) { a[1] = workgroupUniformLoad(&m)[0]; }",
        ],
        good: &[
            "workgroupBarrier(); a[v] = 1.0;",
            "if (v < 4u) { a[v] = 1.0; } workgroupBarrier();",
            "if (u < 4u) { workgroupBarrier(); }",
            "if (run.x < 4u && r[u] > 0.0) { return; } workgroupBarrier();",
            "for (var i = 64u; i > 0u; i /= 2u) { if (v < i) { m[v] += m[v + i]; } workgroupBarrier(); }",
            "for (var i = v; i < 64u; i += 8u) { m[i] = 1.0; } workgroupBarrier();",
            "for (var i = v; i < 64u; i++) { if (i == 9u) { break; } continue; } workgroupBarrier();",
            "switch (v) { case 1u: { break; } default: { m[v] = 1.0; } } workgroupBarrier();",
            "wait(); wait_if(u); wait_some(run.y); if (everywhere(u)) { wait(); }",
            "workgroupBarrier(); if (v < 4u) { return; } a[v] = 1.0;",
        ],
    },
    Case {
        rule: "float_atomics",
        complaint: "a float atomic",
        bad: &[
            "} @group(0) @binding(3) var<storage, read_write> f: atomic<f32>; fn g() { atomicAdd(&f, 1.0);",
        ],
        good: &[
            "} @group(0) @binding(3) var<storage, read_write> f: atomic<u32>; fn g() { atomicAdd(&f, 1u);",
        ],
    },
];

fn complaints(body: &str) -> Result<Vec<String>, String> {
    let text = format!(
        "{PRELUDE}@compute @workgroup_size(64)
        fn main(@builtin(local_invocation_index) v: u32, @builtin(workgroup_id) workgroup: vec3<u32>) {{
        let u = workgroup.x; {body} }}"
    );
    let module =
        naga::front::wgsl::parse_str(&text).map_err(|error| error.emit_to_string(&text))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::all())
        .validate(&module)
        .map_err(|error| error.emit_to_string(&text))?;
    Ok(lint(&module, &info))
}

fn check(case: &Case) -> Result<(), String> {
    for body in case.bad {
        let found = complaints(body)?;
        if found.is_empty() || !found.iter().all(|text| text.contains(case.complaint)) {
            return Err(format!(
                "{body}\nexpected \"{}\", found {found:?}",
                case.complaint
            ));
        }
    }
    for body in case.good {
        let found = complaints(body)?;
        if !found.is_empty() {
            return Err(format!("{body}\nexpected nothing, found {found:?}"));
        }
    }
    Ok(())
}

/// Faults in our own kernels: pipeline, what is replaced by what, and the complaint.
const FAULTS: [[&str; 4]; 8] = [
    [
        "h1_forward-tanh-mse",
        "tanh(bounded)",
        "tanh(sum)",
        "Tanh of",
    ],
    [
        "loss-relu-cross-entropy",
        "exp(o0 - vec4<f32>(largest))",
        "exp(o0)",
        "Exp of",
    ],
    [
        "tally-tanh-mse",
        "if (lane < width) {",
        "if (lane < width) { workgroupBarrier();",
        "a barrier",
    ],
    // The sums' barriers are two calls away.
    [
        "h1_gradient-tanh-mse",
        "if (block < WEIGHT_BLOCKS)",
        "if (block + lane < WEIGHT_BLOCKS)",
        "a barrier",
    ],
    [
        "h2_forward-relu-mse",
        "workgroupBarrier();",
        "if (invocation.x >= params.examples) { return; } workgroupBarrier();",
        "a barrier",
    ],
    [
        "forward_backward-tanh-mse-4x96-uniform-kept",
        "gradient_of_h3(lane);\n",
        "gradient_of_h3(lane);\n if (lane > 9u) { continue; }\n",
        "a barrier",
    ],
    [
        "forward_backward-relu-cross-entropy-2x96-storage-reread",
        "add_pair(d_h2w[4], d0",
        "add_pair(d_h2w[kr], d0",
        "dynamic index into Private",
    ],
    [
        "update-tanh-mse-sgd",
        "    workgroupBarrier();\n",
        "if (!wanted) { return; }\n workgroupBarrier();\n",
        "a barrier",
    ],
];

fn faults_show(pipelines: &[Pipeline]) -> Result<(), String> {
    for [name, from, to, complaint] in FAULTS {
        let pipeline = pipelines.iter().find(|pipeline| pipeline.name == name);
        let sound = &pipeline.ok_or_else(|| format!("no {name}"))?.wgsl;
        let faulty = sound.replace(from, to);
        if faulty == *sound {
            return Err(format!("{name} does not hold \"{from}\""));
        }
        let (module, info) = translate::module(&faulty)?;
        let found = lint(&module, &info);
        if !found.iter().any(|text| text.contains(complaint)) {
            return Err(format!("{name} with \"{to}\": found {found:?}"));
        }
    }
    Ok(())
}

/// A test for each rule, and one of faults in our own kernels.
pub fn trials(pipelines: &'static [Pipeline]) -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("lint::finds_faults_in_our_kernels", || {
            Ok(faults_show(pipelines)?)
        })
        .with_kind(format!("{} faults", FAULTS.len())),
    ];
    trials.extend(CASES.iter().map(|case| {
        let kind = format!("{} bad, {} good", case.bad.len(), case.good.len());
        Trial::test(format!("lint::rejects_bad_{}", case.rule), || {
            Ok(check(case)?)
        })
        .with_kind(kind)
    }));
    trials
}
