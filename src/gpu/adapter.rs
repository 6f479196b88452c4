//! The GPUs there are, and the choice of one.

use serde::Serialize;

use super::wait::block_on;
use crate::error::{Error, Result};
use crate::named::{Named, named};

named! {
    /// A graphics interface. (OpenGL is left out: it would list the same devices again.)
    pub enum Backend {
        /// Vulkan: Linux, Windows, Android.
        Vulkan = "vulkan",
        /// Metal: macOS, iOS.
        Metal = "metal",
        /// Direct3D 12: Windows.
        Dx12 = "dx12",
        /// WebGPU: a browser's.
        WebGpu = "web-gpu" | "webgpu"; hidden,
    }
}

/// Kind of a device, the preferred first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A GPU with its own memory.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU lent by a hypervisor.
    Virtual,
    /// Unknown.
    Other,
    /// The processor in place of a GPU, or the fallback adapter of a browser.
    Software,
    /// A driver without hardware, which compiles kernels and never runs them.
    Null,
}

/// Limits of an adapter that the kernels depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Largest storage buffer that a kernel can bind, in bytes.
    pub storage_buffer_bytes: u64,
    /// Largest buffer, in bytes.
    pub buffer_bytes: u64,
    /// Storage buffers that one kernel can bind.
    pub storage_buffers: u32,
    /// Workgroup memory, in bytes.
    pub workgroup_bytes: u32,
    /// Invocations of a workgroup.
    pub workgroup_invocations: u32,
    /// Workgroups in each dimension of a dispatch.
    pub workgroups: u32,
}

/// An adapter as `gpu-train devices` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdapterDescription {
    /// Name that the driver reports.
    pub name: String,
    /// Graphics interface.
    pub backend: Backend,
    /// Kind of device.
    pub kind: Kind,
    /// Driver and its version.
    pub driver: String,
    /// Limits.
    pub limits: Limits,
    /// Lanes of a subgroup can exchange values.
    pub subgroups: bool,
    /// Shaders can use 16-bit floats.
    pub f16: bool,
    /// The device can time its own work.
    pub timestamps: bool,
}

impl std::fmt::Display for AdapterDescription {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let kind = match self.kind {
            Kind::Discrete => "discrete GPU",
            Kind::Integrated => "integrated GPU",
            Kind::Virtual => "virtual GPU",
            Kind::Other => "unknown kind",
            Kind::Software => "software",
            Kind::Null => "null device",
        };
        write!(f, "{} ({:?}, {kind})", self.name, self.backend)
    }
}

/// Constraints on an adapter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdapterChoice {
    /// Take a software adapter, which is otherwise taken only by its name, as a null device always is.
    pub software: bool,
    /// A part of the adapter's name, in any case of letters (`--adapter`).
    pub name_part: Option<String>,
    /// The interface (`--backend`).
    pub backend: Option<Backend>,
}

/// All adapters, in order of preference: discrete, integrated, virtual, unknown, software, null.
///
/// `WGPU_BACKEND` narrows the interfaces, as for every wgpu program. In a browser there are none to list: see [`request`].
pub fn adapters() -> Vec<wgpu::Adapter> {
    let native = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends &= native;
    let backends = descriptor.backends;
    let instance = wgpu::Instance::new(descriptor);
    let found = block_on(async { Ok(instance.enumerate_adapters(backends).await) });
    let mut found = found.unwrap_or_default();
    found.sort_by_key(|adapter| kind(&adapter.get_info()));
    found
}

/// The adapter that a browser offers for speed, of [`Kind::Software`] if it is a fallback adapter.
///
/// # Errors
/// [`Error::Device`] if it offers none, or this is no browser.
pub async fn request() -> Result<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::BROWSER_WEBGPU;
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    let requested = wgpu::Instance::new(descriptor).request_adapter(&options);
    requested.await.map_err(|error| {
        let text = format!("found no WebGPU adapter ({error}), expected a browser that offers one");
        Error::Device(text)
    })
}

fn kind(info: &wgpu::AdapterInfo) -> Kind {
    // Mesa's drivers without hardware (RADV_FORCE_FAMILY) call themselves that, and claim to be a discrete GPU.
    if info.name.starts_with("Null hardware") {
        return Kind::Null;
    }
    match info.device_type {
        wgpu::DeviceType::DiscreteGpu => Kind::Discrete,
        wgpu::DeviceType::IntegratedGpu => Kind::Integrated,
        wgpu::DeviceType::VirtualGpu => Kind::Virtual,
        wgpu::DeviceType::Other => Kind::Other,
        wgpu::DeviceType::Cpu => Kind::Software,
    }
}

/// Description of an adapter.
///
/// # Errors
/// [`Error::Device`] for an interface that is not used here.
pub fn describe(adapter: &wgpu::Adapter) -> Result<AdapterDescription> {
    let info = adapter.get_info();
    let limits = adapter.limits();
    let features = adapter.features();
    let backend = Backend::of_name(info.backend.to_str());
    let unused = || Error::Device("the adapter is on an interface that is not used here".into());
    Ok(AdapterDescription {
        backend: backend.ok_or_else(unused)?,
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .into(),
        kind: kind(&info),
        name: if info.name.is_empty() {
            "unnamed adapter".into()
        } else {
            info.name
        },
        limits: Limits {
            storage_buffer_bytes: limits.max_storage_buffer_binding_size,
            buffer_bytes: limits.max_buffer_size,
            storage_buffers: limits.max_storage_buffers_per_shader_stage,
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            workgroup_invocations: limits.max_compute_invocations_per_workgroup,
            workgroups: limits.max_compute_workgroups_per_dimension,
        },
        subgroups: features.contains(wgpu::Features::SUBGROUP),
        f16: features.contains(wgpu::Features::SHADER_F16),
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
    })
}

/// The preferred adapter that fits a choice.
///
/// # Errors
/// [`Error::Device`] if none does, naming the flags and what was found.
pub fn choose(choice: &AdapterChoice) -> Result<wgpu::Adapter> {
    let mut found = adapters();
    let descriptions: Vec<_> = found.iter().map(describe).collect::<Result<_>>()?;
    Ok(found.swap_remove(pick(&descriptions, choice)?))
}

/// Index of the first adapter that fits, among those found in order of preference.
fn pick(found: &[AdapterDescription], choice: &AdapterChoice) -> Result<usize> {
    let name_part = choice.name_part.as_ref().map(|part| part.to_lowercase());
    let fits = |adapter: &AdapterDescription| {
        let wanted = match adapter.kind {
            Kind::Software => choice.software || name_part.is_some(),
            Kind::Null => name_part.is_some(),
            _ => !choice.software,
        };
        let has = |part: &String| adapter.name.to_lowercase().contains(part);
        wanted
            && name_part.as_ref().is_none_or(has)
            && choice
                .backend
                .is_none_or(|wanted| wanted == adapter.backend)
    };
    let index = found.iter().position(fits);
    index.ok_or_else(|| Error::Device(none_fits(found, choice)))
}

fn none_fits(found: &[AdapterDescription], choice: &AdapterChoice) -> String {
    let kinds = ["a GPU", "a software adapter"];
    let mut expected = kinds[usize::from(choice.software)].to_owned();
    if let Some(part) = &choice.name_part {
        expected += &format!(" with \"{part}\" in its name (--adapter)");
    }
    if let Some(backend) = choice.backend {
        expected += &format!(" on {backend:?} (--backend)");
    }
    if found.is_empty() {
        return format!(
            "found no adapter, expected {expected}; is a Vulkan, Metal or Direct3D 12 driver installed?"
        );
    }
    let names: Vec<String> = found.iter().map(ToString::to_string).collect();
    let all_software = found.iter().all(|adapter| adapter.kind >= Kind::Software);
    let hint = if all_software && !choice.software && choice.name_part.is_none() {
        "; a software adapter is taken only if asked for, for instance by its name (--adapter)"
    } else {
        ""
    };
    format!("found {}, expected {expected}{hint}", names.join(", "))
}

/// Checks that an adapter can run the kernels.
///
/// # Errors
/// [`Error::Device`], naming the first limit that is too low.
pub fn check_limits(adapter: &AdapterDescription) -> Result<()> {
    let limits = &adapter.limits;
    // WebGPU's guaranteed limits, which the kernels stay within.
    let needed = [
        ("storage buffers per kernel", limits.storage_buffers, 8),
        ("bytes of workgroup memory", limits.workgroup_bytes, 16_384),
        (
            "invocations per workgroup",
            limits.workgroup_invocations,
            256,
        ),
        ("workgroups per dimension", limits.workgroups, 65_535),
    ];
    for (what, found, expected) in needed {
        if found < expected {
            return Err(Error::Device(format!(
                "{adapter}: found {found} {what}, expected {expected} or more"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
impl AdapterDescription {
    /// An adapter with WebGPU's default limits.
    pub(crate) fn for_tests(name: &str, backend: Backend, kind: Kind) -> Self {
        Self {
            name: name.into(),
            backend,
            kind,
            driver: "test".into(),
            limits: Limits {
                storage_buffer_bytes: 1 << 27,
                buffer_bytes: 1 << 28,
                storage_buffers: 8,
                workgroup_bytes: 16_384,
                workgroup_invocations: 256,
                workgroups: 65_535,
            },
            subgroups: true,
            f16: false,
            timestamps: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Vec<AdapterDescription> {
        vec![
            AdapterDescription::for_tests("GeForce", Backend::Vulkan, Kind::Discrete),
            AdapterDescription::for_tests("GeForce", Backend::Dx12, Kind::Discrete),
            AdapterDescription::for_tests("Iris", Backend::Vulkan, Kind::Integrated),
            AdapterDescription::for_tests("llvmpipe", Backend::Vulkan, Kind::Software),
            AdapterDescription::for_tests("Null hardware", Backend::Vulkan, Kind::Null),
        ]
    }

    fn choice(software: bool, name: Option<&str>, backend: Option<Backend>) -> AdapterChoice {
        AdapterChoice {
            software,
            name_part: name.map(Into::into),
            backend,
        }
    }

    #[test]
    fn the_best_that_fits_is_taken() {
        let found = found();
        let pick = |choice| pick(&found, &choice).unwrap();
        assert_eq!(pick(choice(false, None, None)), 0);
        assert_eq!(pick(choice(false, None, Some(Backend::Dx12))), 1);
        assert_eq!(pick(choice(false, Some("iris"), None)), 2);
        assert_eq!(pick(choice(true, None, None)), 3);
        assert_eq!(pick(choice(false, Some("LLVM"), None)), 3);
        assert_eq!(pick(choice(false, Some("null"), None)), 4);
    }

    #[test]
    fn software_and_null_devices_are_never_the_default_and_refusals_name_the_flags() {
        let found = found();
        let any = choice(false, None, None);
        let arc = choice(false, Some("Arc"), Some(Backend::Metal));
        let llvmpipe = "found llvmpipe (Vulkan, software), Null hardware (Vulkan, null device), expected a GPU; \
            a software adapter is taken only if asked for, for instance by its name (--adapter)";
        let flags = "\"Arc\" in its name (--adapter) on Metal (--backend)";
        for (found, wanted, expected) in [
            (&found[3..], &any, llvmpipe),
            (
                &found[4..],
                &choice(true, None, None),
                "(Vulkan, null device), expected a software adapter",
            ),
            (
                &found[3..],
                &choice(false, Some("Arc"), None),
                "expected a GPU with \"Arc\" in its name (--adapter)",
            ),
            (&found, &arc, flags),
            (
                &[],
                &any,
                "is a Vulkan, Metal or Direct3D 12 driver installed?",
            ),
        ] {
            let message = pick(found, wanted).unwrap_err().to_string();
            assert!(message.ends_with(expected), "{message}");
        }
    }

    #[test]
    fn a_limit_that_is_too_low_is_named() {
        type Change = fn(&mut Limits);
        let least = found().remove(0);
        assert!(check_limits(&least).is_ok());
        let changes: [(Change, &str); 4] = [
            (
                |limits| limits.storage_buffers = 4,
                "found 4 storage buffers per kernel, expected 8",
            ),
            (
                |limits| limits.workgroup_bytes = 16_383,
                "found 16383 bytes of workgroup memory, expected 16384",
            ),
            (
                |limits| limits.workgroup_invocations = 128,
                "found 128 invocations per workgroup, expected 256",
            ),
            (
                |limits| limits.workgroups = 1,
                "found 1 workgroups per dimension, expected 65535",
            ),
        ];
        for (change, expected) in changes {
            let mut poor = least.clone();
            change(&mut poor.limits);
            let message = check_limits(&poor).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn an_adapter_is_shown_with_its_interface_and_kind() {
        for (kind, text) in [
            (Kind::Discrete, "card (Metal, discrete GPU)"),
            (Kind::Integrated, "card (Metal, integrated GPU)"),
            (Kind::Virtual, "card (Metal, virtual GPU)"),
            (Kind::Other, "card (Metal, unknown kind)"),
            (Kind::Software, "card (Metal, software)"),
            (Kind::Null, "card (Metal, null device)"),
        ] {
            let adapter = AdapterDescription::for_tests("card", Backend::Metal, kind);
            assert_eq!(adapter.to_string(), text);
        }
    }
}
