//! `cargo xtask imports`: proves that the core needs nothing from its host.
//!
//! `tests/imports` is a module for the browser's target that drives every verb over bytes it is given. Built, it must
//! import nothing, export every verb, and hold enough code: an unused core would be optimised away and pass in vain.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use wasmparser::{Parser, Payload};

use crate::versions::BROWSER;
use crate::workspace::{Workspace, command};

/// The verbs, as the module exports them.
const EXPORTS: &[&str] = &[
    "node_new",
    "node_handle",
    "node_poll_event",
    "node_peek_transmit",
    "node_consume",
    "node_next_deadline",
];
/// The least size of code that can hold the protocol.
const CODE_BYTES_MIN: u32 = 20 << 10;

/// The imports, exports and code size of a module.
#[derive(Debug, Default, PartialEq, Eq)]
struct Module {
    imports: Vec<String>,
    exports: Vec<String>,
    code_bytes: u32,
}

/// Builds the module and checks it.
pub(crate) fn run() -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let manifest = workspace.root.join("tests/imports/Cargo.toml");
    if !manifest.exists() {
        bail!("there is no {}: nothing to check", manifest.display());
    }
    let mut build = command("cargo");
    build.args(["build", "--release", "--target", BROWSER, "--manifest-path"]).arg(&manifest);
    build.arg("--target-dir").arg(&workspace.target);
    let status = build.status().context("cargo did not start")?;
    if !status.success() {
        bail!("tests/imports does not build ({status}): see cargo's message above");
    }
    let file = workspace.target.join(BROWSER).join("release/towline_imports.wasm");
    let bytes = std::fs::read(&file)
        .with_context(|| format!("{}: is the crate's name still towline-imports?", file.display()))?;
    let module = read(&bytes).with_context(|| format!("{} is not a module", file.display()))?;
    judge(&module, EXPORTS)?;
    println!("0 imports, {} exports, {} bytes of code", module.exports.len(), module.code_bytes);
    Ok(ExitCode::SUCCESS)
}

fn read(bytes: &[u8]) -> Result<Module> {
    let mut module = Module::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let Payload::ImportSection(section) = payload {
            for import in section.into_imports() {
                let import = import?;
                module.imports.push(format!("{}.{}", import.module, import.name));
            }
        } else if let Payload::ExportSection(section) = payload {
            for export in section {
                let export = export?;
                if export.kind == wasmparser::ExternalKind::Func {
                    module.exports.push(export.name.to_owned());
                }
            }
        } else if let Payload::CodeSectionStart { size, .. } = payload {
            module.code_bytes += size;
        }
    }
    Ok(module)
}

fn judge(module: &Module, exports: &[&str]) -> Result<()> {
    if !module.imports.is_empty() {
        bail!("the core imports {} from its host: it must import nothing", module.imports.join(", "));
    }
    let missing: Vec<&str> =
        exports.iter().copied().filter(|name| !module.exports.iter().any(|export| export == name)).collect();
    if !missing.is_empty() {
        bail!(
            "tests/imports does not export {}; every verb must be driven, or its code is not there",
            missing.join(", ")
        );
    }
    if module.code_bytes < CODE_BYTES_MIN {
        bail!(
            "only {} bytes of code, at least {CODE_BYTES_MIN} expected: is the core still used?",
            module.code_bytes
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{CODE_BYTES_MIN, Module, judge, read};

    /// Returns the smallest module that shows both: one function, exported as `f`, and with `import` an import `e.g`.
    fn module(import: bool) -> Vec<u8> {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        bytes.extend(b"\x01\x04\x01\x60\0\0");
        if import {
            bytes.extend(b"\x02\x07\x01\x01e\x01g\0\0");
        }
        bytes.extend(b"\x03\x02\x01\0");
        bytes.extend(b"\x07\x05\x01\x01f\0");
        bytes.push(u8::from(import));
        bytes.extend(b"\x0a\x04\x01\x02\0\x0b");
        bytes
    }

    #[test]
    fn reads_what_stands_there() {
        let told = read(&module(false)).unwrap();
        assert_eq!(told, Module { imports: vec![], exports: vec!["f".to_owned()], code_bytes: 3 });
        assert_eq!(read(&module(true)).unwrap().imports, ["e.g"]);
        assert!(read(b"not a module").is_err());
    }

    #[test]
    fn refuses_each_fault_by_name() {
        let good = || Module { imports: vec![], exports: vec!["f".to_owned()], code_bytes: CODE_BYTES_MIN };
        let fault = |module: &Module, exports: &[&str]| judge(module, exports).unwrap_err().to_string();
        judge(&good(), &["f"]).unwrap();
        assert!(fault(&Module { imports: vec!["e.g".to_owned()], ..good() }, &["f"]).contains("e.g"));
        assert!(fault(&good(), &["f", "h"]).contains("export h"));
        assert!(
            fault(&Module { code_bytes: CODE_BYTES_MIN - 1, ..good() }, &["f"]).contains("bytes of code")
        );
    }
}
