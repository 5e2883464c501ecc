//! Compilers: the header in every dialect, programs linked in every way.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::library::Libraries;
use super::output;

/// Every warning is an error.
pub(crate) const STRICT: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wundef"];
/// The examples and tests are C11 over POSIX.
const POSIX: &[&str] = &["-std=c11", "-D_DEFAULT_SOURCE", "-O1", "-g", "-Wconversion"];
const C: [&str; 4] = ["c99", "c11", "c17", "c2x"];
const CPP: [&str; 4] = ["c++11", "c++14", "c++17", "c++20"];

/// Which library a program is linked with.
#[derive(Clone, Copy)]
pub(crate) enum Link<'a> {
    Static(&'a Libraries),
    Shared(&'a Libraries),
}

impl Link<'_> {
    pub(crate) fn args(&self) -> Vec<String> {
        match self {
            Self::Static(libraries) => {
                let archive = libraries.archive.display().to_string();
                [vec![archive], libraries.native.clone()].concat()
            }
            Self::Shared(libraries) => {
                let folder = libraries.shared.parent().unwrap_or(Path::new("."));
                vec![libraries.shared.display().to_string(), format!("-Wl,-rpath,{}", folder.display())]
            }
        }
    }
}

/// A program to be built from C sources of `ffi/`.
pub(crate) struct Program<'a> {
    pub(crate) ffi: &'a Path,
    pub(crate) sources: &'a [&'a str],
    /// Flags, and libraries besides ours.
    pub(crate) more: &'a [&'a str],
}

impl Program<'_> {
    pub(crate) fn make(&self, compiler: &str, link: &[String], out: &Path) -> Result<()> {
        let mut cc = Command::new(compiler);
        cc.args(STRICT).args(POSIX).arg("-I").arg(self.ffi.join("include"));
        for source in self.sources {
            cc.arg(self.ffi.join(source));
        }
        output(cc.arg("-o").arg(out).args(link).args(self.more)).map(|_| ())
    }
}

/// Compiles every header alone, twice in one file, and in two files of one program; in every dialect, by both
/// compilers.
pub(crate) fn hygiene(ffi: &Path, folder: &Path) -> Result<String> {
    let mut count = 0;
    for header in ["towline.h", "towline_sugar.h", "towline.hpp"] {
        let plus = header.ends_with(".hpp");
        let file = |name: &str| folder.join(format!("{header}.{name}.{}", if plus { "cpp" } else { "c" }));
        let (twice, main) = (file("twice"), file("main"));
        let include = format!("#include \"{header}\"\n");
        write(&twice, &format!("{include}{include}int twice(void);\nint twice(void) {{ return 1; }}\n"))?;
        write(&main, &format!("{include}int twice(void);\nint main(void) {{ return twice() - 1; }}\n"))?;
        let dialects: Vec<(&str, &str)> = if plus {
            vec![("g++", "c++17"), ("g++", "c++20"), ("clang++", "c++17"), ("clang++", "c++20")]
        } else {
            let c = ["gcc", "clang"].into_iter().flat_map(|compiler| C.map(|dialect| (compiler, dialect)));
            let cpp =
                ["g++", "clang++"].into_iter().flat_map(|compiler| CPP.map(|dialect| (compiler, dialect)));
            c.chain(cpp).collect()
        };
        for (compiler, dialect) in dialects {
            for exceptions in if plus { &["-fexceptions", "-fno-exceptions"][..] } else { &["-O1"] } {
                let mut cc = Command::new(compiler);
                cc.args(STRICT).args([&format!("-std={dialect}"), *exceptions, "-I"]);
                cc.arg(ffi.join("include")).args(["-c", "-o", "/dev/null"]);
                // A C++ compiler takes a .c file for C++ only with -x.
                cc.args(["-x", if compiler.ends_with("++") { "c++" } else { "c" }]);
                output(cc.arg(&twice)).with_context(|| format!("{header} as {dialect} by {compiler}"))?;
                count += 1;
            }
        }
        let compiler = if plus { "g++" } else { "gcc" };
        let mut cc = Command::new(compiler);
        cc.args(STRICT).arg("-I").arg(ffi.join("include"));
        // The program calls nothing of the library: it does not link if the header defines a symbol twice.
        cc.args(["-O1", "-fno-exceptions"].iter().skip(usize::from(!plus)));
        let program = folder.join("twice");
        cc.args(["-Wl,--unresolved-symbols=ignore-all", "-o"]).arg(&program).arg(&twice).arg(&main);
        output(&mut cc).with_context(|| format!("{header} from two files"))?;
        count += 1;
    }
    Ok(format!("{count} compilations"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// Builds a user's project that finds the library through CMake's packages. `newcomer` checks pkg-config.
pub(crate) fn installed(prefix: &Path, folder: &Path) -> Result<String> {
    let source = folder.join("version.c");
    write(
        &source,
        "#include <stdio.h>\n#include <towline.h>\n\
         int main(void) {\n    puts(tow_version());\n    return tow_abi_version() != TOW_ABI_VERSION;\n}\n",
    )?;
    let built = cmake(&source, prefix, folder)?;
    for kind in ["shared", "static"] {
        let told = output(&mut Command::new(built.join(format!("version_{kind}"))))?;
        anyhow::ensure!(told == env!("CARGO_PKG_VERSION"), "tow_version() is {told}");
    }
    Ok("CMake shared and static".to_owned())
}

fn cmake(source: &Path, prefix: &Path, folder: &Path) -> Result<PathBuf> {
    let project = folder.join("project");
    std::fs::create_dir_all(&project).with_context(|| project.display().to_string())?;
    write(
        &project.join("CMakeLists.txt"),
        &format!(
            "cmake_minimum_required(VERSION 3.16)\nproject(version C)\n\
             find_package(towline {} REQUIRED CONFIG)\n\
             foreach(kind shared static)\n\
             \x20   add_executable(version_${{kind}} {})\n\
             \x20   target_link_libraries(version_${{kind}} PRIVATE towline::${{kind}})\n\
             endforeach()\n",
            env!("CARGO_PKG_VERSION"),
            source.display()
        ),
    )?;
    let built = project.join("build");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(&project).arg("-B").arg(&built);
    output(configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())))?;
    output(Command::new("cmake").arg("--build").arg(&built))?;
    Ok(built)
}
