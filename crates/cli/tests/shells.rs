//! The completion scripts, tried in the shells that they are for.
//!
//! `LAION_FMRI_SHELLS` names the folder that Debian's packages were unpacked to (`/` where they are
//! installed). A shell that is not there is named in the file that `LAION_FMRI_SHELLS_SKIPPED` names.
#![cfg(unix)]
#![cfg(test)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;

/// What is typed before the tab key, and the word that is then offered.
const CASES: &[(&str, &str)] = &[
    ("be", "betas"),
    ("download-r", "download-raw"),
    ("betas --ro", "--roi"),
    ("download-raw --su", "--subject"),
    ("splits ch", "check"),
    ("splits show tau --pool sub-05", "sub-05"),
    ("splits ids tau --set tr", "train"),
    ("recipe me", "methods"),
    ("extract --zscore ru", "run"),
    ("extract --features DIN", "DINOv2"),
    ("betas --mask-source rs", "rsquare"),
    ("betas --stimuli sh", "shared"),
    ("betas --progress js", "json"),
    ("download --include-embeddings Sig", "SigLIP2"),
    ("roi --hemi a", "all"),
    ("mask --res 1", "1pt8"),
    ("captions x.jpg --source hu", "human"),
    ("nc compute --images 12", "12rep"),
    ("splits show clu", "cluster_k5_0"),
    ("completions fi", "fish"),
];

/// A shell, and a folder with the completion script for it.
struct Shell {
    program: PathBuf,
    root: PathBuf,
    folder: tempfile::TempDir,
}

impl Shell {
    /// The shell of this name; without one, a note in the file of what was skipped.
    fn find(name: &str) -> Option<Self> {
        let root = PathBuf::from(std::env::var_os("LAION_FMRI_SHELLS").unwrap_or("/".into()));
        let places = ["bin", "usr/bin"].map(|place| root.join(place).join(name));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let installed = std::env::split_paths(&path).map(|place| place.join(name));
        let Some(program) = places.into_iter().chain(installed).find(|place| place.is_file())
        else {
            println!("skipped: there is no {name}");
            if let Some(file) = std::env::var_os("LAION_FMRI_SHELLS_SKIPPED") {
                let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
                writeln!(file, "{name}").unwrap();
            }
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let script = Command::cargo_bin("laion-fmri").unwrap().args(["completions", name]).output();
        fs::write(folder.path().join("completions"), script.unwrap().stdout).unwrap();
        Some(Self { program, root, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a script prints, which gets the completion script and the root as its arguments.
    fn run(&self, options: &[&str], script: &str, arguments: &[String]) -> String {
        let file = self.path("script");
        fs::write(&file, script).unwrap();
        let output = Command::new(&self.program)
            .args(options)
            .arg(&file)
            .args([&self.path("completions"), &self.root])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("LD_LIBRARY_PATH", libraries(&self.root))
            .env("TERM", "dumb")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
        text(&output.stdout)
    }

    /// Runs a script that prints for each case a line with its words.
    fn check(&self, options: &[&str], script: &str, cases: &[(&str, &str)]) {
        let typed: Vec<String> =
            cases.iter().map(|(typed, _)| format!("laion-fmri {typed}")).collect();
        let printed = self.run(options, script, &typed);
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines.len(), cases.len(), "{printed}");
        for ((typed, expected), offered) in cases.iter().zip(lines) {
            assert!(offered.split(' ').any(|word| word == *expected), "{typed}: {offered:?}");
        }
    }
}

/// The folder of the libraries of unpacked packages.
fn libraries(root: &Path) -> PathBuf {
    let folders = fs::read_dir(root.join("usr/lib")).into_iter().flatten().flatten();
    let mut folders = folders.map(|entry| entry.path());
    let triple = folders.find(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    triple.filter(|_| root != Path::new("/")).unwrap_or_default()
}

#[test]
#[ignore = "`cargo xtask completions` unpacks the shells"]
fn bash_completes() {
    let Some(shell) = Shell::find("bash") else { return };
    shell.check(
        &["--norc"],
        r#"
source "$1"
shift 2
complete=($(complete -p laion-fmri))
for ((i = 0; i < ${#complete[@]}; i++)); do
    [[ ${complete[i]} == -F ]] && function=${complete[i + 1]}
done
for line; do
    COMP_WORDS=($line)
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMP_LINE=$line
    COMP_POINT=${#line}
    COMPREPLY=()
    "$function" laion-fmri "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo "${COMPREPLY[*]}"
done
"#,
        CASES,
    );
}

#[test]
#[ignore = "`cargo xtask completions` unpacks the shells"]
fn fish_completes() {
    let Some(shell) = Shell::find("fish") else { return };
    shell.check(
        &["--no-config"],
        r#"
test -d $argv[2]/usr/share/fish/functions
and set fish_function_path $argv[2]/usr/share/fish/functions
source $argv[1]
for line in $argv[3..]
    echo (complete --do-complete $line | string split --fields 1 \t)
end
"#,
        CASES,
    );
}

/// A command line is typed into an interactive shell, with the tab key, and a function in the place of
/// the command says which words it got.
#[test]
#[ignore = "`cargo xtask completions` unpacks the shells"]
fn zsh_completes() {
    let Some(shell) = Shell::find("zsh") else { return };
    shell.check(
        &["-f"],
        r#"
script=$1 root=$2
shift 2
module_path=($root/usr/lib/*/zsh/$ZSH_VERSION(N/) $module_path)
fpath=($root/usr/share/zsh/functions/**/*(N/) $fpath)
zmodload zsh/zpty || exit 1
cat > setup <<END
module_path=($module_path)
fpath=($fpath)
PS1=
setopt no_beep no_list_ambiguous menu_complete
autoload -U compinit && compinit -u -D
source $script
laion-fmri() { print -r -- "<\${@[-1]}>" }
print -r -- "<ready>"
END
zpty shell "exec ${(q)commands[zsh]:-$root/bin/zsh} -f -i"
answer() {
    local text= chunk i
    for i in {1..600}; do
        if zpty -r -t shell chunk; then
            text+=$chunk
            if [[ $text == *'<'*'>'* ]]; then
                REPLY=${${text##*<}%%>*}
                return
            fi
        else
            sleep 0.05
        fi
    done
    REPLY="no answer: ${(V)text}"
}
zpty -w shell 'source setup'
answer
for line; do
    zpty -w -n shell "$line"$'\t\n'
    answer
    print -r -- "$REPLY"
done
zpty -d shell
"#,
        CASES,
    );
}
