//! Kernels whose workgroup memory starts full of NaNs: what is read before it is written reaches a result.

/// The word that fills the memory: a NaN, and as an integer far from any number that a kernel computes.
const POISON: &str = "0x7fc0deadu";

/// WGSL that fills all workgroup memory before the kernel's first statement.
pub fn poisoned(wgsl: &str) -> String {
    let declarations = wgsl
        .lines()
        .filter_map(|line| line.strip_prefix("var<workgroup> "));
    let fills: Vec<String> = declarations.map(fill).collect();
    assert!(!fills.is_empty(), "a kernel with workgroup memory");
    let main = wgsl.find("fn main(").expect("an entry point");
    assert!(
        wgsl[main..].contains("@builtin(local_invocation_index) lane: u32"),
        "the entry point knows its lane"
    );
    let body = main + wgsl[main..].find(") {\n").expect("a body") + 4;
    let (before, after) = wgsl.split_at(body);
    // A variable, or the compiler refuses to make a NaN.
    let fills = fills.concat();
    format!(
        "{before}    var poison = {POISON};\n    if lane == 0u {{\n{fills}    }}\n    workgroupBarrier();\n{after}"
    )
}

/// A loop over an array, `NAME: array<TYPE, LENGTH>;`.
fn fill(declaration: &str) -> String {
    let (name, rest) = declaration.split_once(": array<").expect("an array");
    let (of, length) = rest.rsplit_once(", ").expect("a length");
    let length = length.strip_suffix(">;").expect("an end");
    let float = "bitcast<f32>(poison)";
    let value = match of {
        "f32" => float.to_owned(),
        "u32" => "poison".to_owned(),
        "vec2<i32>" => "vec2<i32>(bitcast<i32>(poison))".to_owned(),
        "vec4<f32>" => format!("vec4<f32>({float})"),
        "mat4x4<f32>" => {
            let column = format!("vec4<f32>({float})");
            format!("mat4x4<f32>({column}, {column}, {column}, {column})")
        }
        _ => panic!("{name}: found elements of {of}, expected a known type"),
    };
    format!("        for (var at = 0u; at < u32({length}); at++) {{ {name}[at] = {value}; }}\n")
}
