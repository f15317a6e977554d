//! Which WebAssembly may be published, and its translation to native code. Runs in the compile worker only: whoever
//! sends a module here attacks the compiler.

use std::collections::BTreeSet;

use wasmtime::component::{self, Component};
use wasmtime::{Engine, ExternType, Module, ResourcesRequired, Store};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::{WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::domain::{BuildError, GuestAbi};
use crate::wasm_engine;

/// A guest that may run here.
#[derive(Debug)]
pub(super) struct Compiled {
    /// How it is called.
    pub(super) abi: GuestAbi,
    /// Native code for engines of the same profile.
    pub(super) code: Vec<u8>,
}

/// The WASI 0.2 interfaces that the server offers: all of `wasi:cli/imports` and what `wasi:http` needs.
const OFFERED: [&str; 29] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];
const HANDLER: &str = "wasi:http/incoming-handler";
const WASI_03: &str = "it is built for WASI 0.3, which is experimental and gets no security patches yet. Build it for \
                       WASI 0.2, exporting `wasi:http/incoming-handler@0.2` (in Rust: target `wasm32-wasip2`)";
const WHAT_RUNS: &str = "`sdk: wasi` runs a component that exports `wasi:http/incoming-handler@0.2`, or a WASI preview 1 command (a core \
     module that exports `_start`), once per request as CGI";
/// The most names listed in one message.
const NAMES: usize = 20;

/// Checks that a guest may run here, and compiles it. `largest_memory` is in bytes, for one linear memory.
///
/// # Errors
/// In words for the author; each completes a sentence that begins with the file's name.
pub(super) fn compile(
    engine: &Engine,
    bytes: &[u8],
    largest_memory: u64,
) -> Result<Compiled, BuildError> {
    match abi_of(bytes)? {
        GuestAbi::Http => compile_component(engine, bytes, largest_memory),
        GuestAbi::Command => compile_command(engine, bytes, largest_memory),
    }
}

/// Which world a binary can be of at all, by its first bytes: components serve HTTP, core modules are commands.
///
/// # Errors
/// When it is not a WebAssembly binary, in words for the author.
pub(super) fn abi_of(bytes: &[u8]) -> Result<GuestAbi, BuildError> {
    let not_wasm = |what: &str| Err(BuildError::author(format!("{what}. {WHAT_RUNS}.")));
    match bytes {
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(GuestAbi::Command),
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(GuestAbi::Http),
        [0, b'a', b's', b'm', _, _, _, _, ..] => {
            not_wasm("it is WebAssembly of a version that this server does not know")
        }
        [] => not_wasm("it is empty"),
        [0x7f, b'E', b'L', b'F', ..] => not_wasm(
            "it is native code (`.cwasm`, ELF), not WebAssembly: publish the WebAssembly that it was compiled from",
        ),
        _ if bytes.starts_with(b"version https://git-lfs.github.com/spec/") => {
            not_wasm("it is a Git LFS pointer, not WebAssembly: upload the file itself")
        }
        _ if b"\0asm".starts_with(bytes) || bytes.starts_with(b"\0asm") => {
            not_wasm("it is only the beginning of a WebAssembly file: the file is cut off")
        }
        _ if bytes.trim_ascii_start().starts_with(b"(") => not_wasm(
            "it seems to be WebAssembly in text form: convert it with `wasm-tools parse` and publish the result",
        ),
        _ => not_wasm("it is not WebAssembly"),
    }
}

fn compile_component(
    engine: &Engine,
    bytes: &[u8],
    largest_memory: u64,
) -> Result<Compiled, BuildError> {
    let component =
        Component::from_binary(engine, bytes).map_err(|error| invalid(&error, bytes))?;
    let kind = component.component_type();
    let exports: Vec<&str> = kind.exports(engine).map(|(name, _)| name).collect();
    check_exports(&exports)?;
    let imports = kind.imports(engine).map(|(name, _)| name);
    check_names(imports.filter(|name| !is_offered(name)))?;
    check_resources(component.resources_required(), largest_memory)?;
    check_types(engine, &component).map_err(|error| {
        BuildError::author(format!(
            "it does not match the server's WASI 0.2: {}",
            text(&error)
        ))
    })?;
    let code = component.serialize().map_err(|error| internal(&error))?;
    Ok(Compiled {
        abi: GuestAbi::Http,
        code,
    })
}

fn compile_command(
    engine: &Engine,
    bytes: &[u8],
    largest_memory: u64,
) -> Result<Compiled, BuildError> {
    let module = Module::from_binary(engine, bytes).map_err(|error| invalid(&error, bytes))?;
    check_command_exports(&module)?;
    let mut linker = wasmtime::Linker::<WasiP1Ctx>::new(engine);
    p1::add_to_linker_async(&mut linker, |wasi| wasi).map_err(|error| internal(&error))?;
    let mut store = Store::new(engine, WasiCtxBuilder::new().build_p1());
    let unknown: Vec<String> = module
        .imports()
        .filter(|import| linker.get_by_import(&mut store, import).is_none())
        .map(|import| format!("{}.{}", import.module(), import.name()))
        .collect();
    check_names(unknown.iter().map(String::as_str))?;
    linker.instantiate_pre(&module).map_err(|error| {
        BuildError::author(format!(
            "it does not match the server's WASI preview 1: {}",
            text(&error)
        ))
    })?;
    check_resources(Some(module.resources_required()), largest_memory)?;
    let code = module.serialize().map_err(|error| internal(&error))?;
    Ok(Compiled {
        abi: GuestAbi::Command,
        code,
    })
}

fn check_exports(exports: &[&str]) -> Result<(), BuildError> {
    let exports_of = |interface: &str, version: &str| {
        let prefix = format!("{interface}@{version}.");
        exports.iter().any(|name| name.starts_with(&prefix))
    };
    if exports_of(HANDLER, "0.2") {
        return Ok(());
    }
    let message = if exports_of("wasi:http/handler", "0.3") || exports_of("wasi:cli/run", "0.3") {
        WASI_03.to_owned()
    } else if exports_of("wasi:cli/run", "0.2") {
        format!(
            "it is a command component (`wasi:cli/run`), which does not serve HTTP. {WHAT_RUNS}: export the handler, \
             or build the same program as a core module (in Rust: target `wasm32-wasip1`)"
        )
    } else {
        format!(
            "it is a component that exports {}. {WHAT_RUNS}",
            list(exports.iter().copied())
        )
    };
    Err(BuildError::author(message))
}

fn check_command_exports(module: &Module) -> Result<(), BuildError> {
    let refused = |message: String| Err(BuildError::author(format!("{message}. {WHAT_RUNS}.")));
    match module.get_export("_start") {
        Some(ExternType::Func(start))
            if start.params().len() == 0 && start.results().len() == 0 => {}
        Some(_) => {
            return refused(
                "it exports a `_start` that is not a function without arguments".into(),
            );
        }
        None if module.get_export("_initialize").is_some() => {
            return refused(
                "it is a library (a WASI reactor): it exports `_initialize` and no `_start`. Build it as a program (in \
                 Rust: a binary instead of a `cdylib`)"
                    .into(),
            );
        }
        None => {
            let exports = list(module.exports().map(|export| export.name()));
            return refused(format!(
                "it is a core module without `_start`; it exports {exports}"
            ));
        }
    }
    match module.get_export("memory") {
        Some(ExternType::Memory(_)) => Ok(()),
        _ => refused("it does not export a memory named `memory`, which WASI needs".into()),
    }
}

fn is_offered(name: &str) -> bool {
    let Some((interface, version)) = name.split_once('@') else {
        return false;
    };
    OFFERED.contains(&interface) && version.starts_with("0.2.")
}

/// Refuses when there is any name of an import that the server does not offer.
fn check_names<'a>(missing: impl Iterator<Item = &'a str>) -> Result<(), BuildError> {
    let missing: BTreeSet<&str> = missing.collect();
    let Some(first) = missing.first() else {
        return Ok(());
    };
    if missing
        .iter()
        .any(|name| name.starts_with("wasi:") && name.contains("@0.3."))
    {
        return Err(BuildError::author(WASI_03));
    }
    let advice = if first.starts_with("wasi_unstable.") {
        "It was built for a WASI version from 2019: build it with a newer toolchain for WASI preview 1 or 0.2"
    } else if missing
        .iter()
        .any(|name| name.starts_with("wbg") || name.contains("wbindgen"))
    {
        "It was built for browsers (wasm-bindgen): build it for WASI (in Rust: target `wasm32-wasip2` or `wasm32-wasip1`)"
    } else if missing.iter().any(|name| name.starts_with("env.")) {
        "Imports from `env` are functions that the linker did not find, or come from a build for browsers: build it \
         for WASI and link everything that it needs"
    } else {
        "The server offers WASI 0.2 with `wasi:http` to components, and `wasi_snapshot_preview1` to core modules"
    };
    let names = list(missing.iter().copied());
    Err(BuildError::author(format!(
        "it imports functions that this server does not offer: {names}. {advice}."
    )))
}

fn check_resources(
    required: Option<ResourcesRequired>,
    largest_memory: u64,
) -> Result<(), BuildError> {
    let Some(required) = required else {
        return Err(BuildError::author(
            "it imports core modules, which the server does not offer",
        ));
    };
    let bytes = required
        .max_initial_memory_size
        .unwrap_or(0)
        .saturating_mul(64 << 10);
    let elements = required.max_initial_table_size.unwrap_or(0);
    let message = if bytes > largest_memory {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        format!(
            "it needs {} MiB of memory to start; an instance may have at most {} MiB on this server",
            mib(bytes),
            mib(largest_memory)
        )
    } else if required.num_memories > wasm_engine::MEMORIES_PER_INSTANCE {
        let most = wasm_engine::MEMORIES_PER_INSTANCE;
        format!(
            "it has {} memories; an instance may have at most {most}",
            required.num_memories
        )
    } else if required.num_tables > wasm_engine::TABLES_PER_INSTANCE {
        let most = wasm_engine::TABLES_PER_INSTANCE;
        format!(
            "it has {} tables; an instance may have at most {most}",
            required.num_tables
        )
    } else if elements > u64::from(wasm_engine::TABLE_ELEMENTS) {
        let most = wasm_engine::TABLE_ELEMENTS;
        format!("it has a table of {elements} elements; a table may have at most {most}")
    } else {
        return Ok(());
    };
    Err(BuildError::author(message))
}

/// Links the component as the server will, but does not run it.
fn check_types(engine: &Engine, component: &Component) -> wasmtime::Result<()> {
    let mut linker = component::Linker::<NeverRun>::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    ProxyPre::new(linker.instantiate_pre(component)?)?;
    Ok(())
}

/// The state of a store that is never made.
enum NeverRun {}

impl WasiView for NeverRun {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        match *self {}
    }
}

impl WasiHttpView for NeverRun {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        match *self {}
    }
}

/// The author's error for what the compiler refused.
fn invalid(error: &wasmtime::Error, bytes: &[u8]) -> BuildError {
    let contains = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let text = text(error);
    if text.contains("Cannot allocate memory") || text.contains("out of memory") {
        return BuildError::author("compiling it needs more memory than a build may use");
    }
    if contains(b"wasi:http/handler@0.3") || contains(b"wasi:cli/run@0.3") {
        return BuildError::author(WASI_03);
    }
    let advice = if text.contains("unexpected end")
        || text.contains("out of bounds")
        || text.contains("unexpected-eof")
    {
        " (is the file cut off?)"
    } else {
        ""
    };
    BuildError::author(format!("it is not valid WebAssembly{advice}: {text}"))
}

fn internal(error: &wasmtime::Error) -> BuildError {
    BuildError::server(format!("the engine failed: {}", text(error)))
}

/// The whole chain on one line, short enough for a log. Names in it are the guest's.
fn text(error: &wasmtime::Error) -> String {
    shorten(&format!("{error:#}"), 1000)
}

fn shorten(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    short = short.replace(|c: char| c.is_control(), " ");
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Names for a message: quoted, short, and not too many.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names
        .map(|name| format!("`{}`", shorten(name, 100)))
        .collect();
    match names.len() {
        0 => "nothing".into(),
        count if count > NAMES => {
            format!("{} and {} more", names[..NAMES].join(", "), count - NAMES)
        }
        _ => names.join(", "),
    }
}

#[cfg(test)]
#[path = "guest_tests.rs"]
mod tests;
