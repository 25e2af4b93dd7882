//! A plan run by a Slurm of its own: controller, node and munge on loopback, started and ended here.
//!
//! `LAION_FMRI_SLURM` names the folder that Debian's packages were unpacked to (`/` where they are
//! installed). If the daemons do not start, the reason is written to the file that
//! `LAION_FMRI_SLURM_SKIPPED` names, and the test ends, because that says nothing about this
//! repository.
#![cfg(target_os = "linux")]
#![cfg(test)]

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::CommandCargoExt;
use fixtures::Bucket;

/// How long the daemons may take to come up, and then all jobs together.
const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster of one node. Its daemons end with it.
struct Cluster {
    folder: tempfile::TempDir,
    root: PathBuf,
    libraries: OsString,
    plugins: PathBuf,
    daemons: Vec<Child>,
}

impl Cluster {
    fn start(root: &Path) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        // munge wants its socket where everybody could reach it.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let plugins = plugins(root).ok_or("there is no folder of plugins")?;
        let libraries = plugins.parent().map(Path::to_owned).unwrap_or_default();
        let mut paths = libraries.into_os_string();
        paths.push(":");
        paths.push(&plugins);
        let (root, daemons) = (root.to_owned(), Vec::new());
        let mut cluster = Self { folder, root, libraries: paths, plugins, daemons };
        cluster.configure();
        let munge = cluster.path("munge");
        let option = |name: &str, file: &str| format!("--{name}={}", munge.join(file).display());
        let options = [
            "--foreground".to_owned(),
            "--force".to_owned(),
            option("key-file", "key"),
            option("socket", "socket"),
            option("pid-file", "pid"),
            option("log-file", "log"),
            option("seed-file", "seed"),
        ];
        cluster.daemon("munged", &options.each_ref().map(String::as_str))?;
        cluster.until("munge has no socket", |cluster| cluster.path("munge/socket").exists())?;
        let stepd = cluster.program("sbin", "slurmstepd").ok_or("there is no slurmstepd")?;
        cluster.daemon("slurmctld", &["-D", "-i"])?;
        let node = node();
        cluster.daemon("slurmd", &["-D", "-N", &node, "-d", &stepd.display().to_string()])?;
        cluster.until("the node does not become idle", |cluster| {
            let state = cluster.ask("sinfo", &["--noheader", "--format=%t"]).output();
            state.is_ok_and(|state| state.stdout.trim_ascii() == b"idle")
        })?;
        Ok(cluster)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self) {
        for name in ["munge", "controller", "node", "jobs", "home"] {
            fs::create_dir(self.path(name)).unwrap();
        }
        let key = self.path("munge/key");
        fs::write(&key, [0x5a; 1024]).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let user = user();
        let node = node();
        let folder = self.folder.path().display();
        let plugins = self.plugins.display();
        let [controller, daemon] = free_ports();
        let text = format!(
            "ClusterName=loopback
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
PluginDir={plugins}
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/node
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/builtin
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
KillWait=2
NodeName={node} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4096 State=UNKNOWN
PartitionName=loop Nodes={node} Default=YES State=UP
"
        );
        fs::write(self.path("slurm.conf"), text).unwrap();
    }

    /// A program of the packages; Debian gives some of them a suffix, and links to them only where
    /// they are installed.
    fn program(&self, folder: &str, name: &str) -> Option<PathBuf> {
        let folder = self.root.join("usr").join(folder);
        let names = [format!("{name}-wlm"), name.to_owned()];
        names.iter().map(|name| folder.join(name)).find(|program| program.exists())
    }

    /// A command with nothing of this process's settings, which finds `laion-fmri`.
    fn command(&self, program: &Path) -> Command {
        let ours = Command::cargo_bin("laion-fmri").unwrap();
        let ours = Path::new(ours.get_program()).parent().unwrap();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env(
                "PATH",
                format!("{}:{}/usr/bin:/usr/bin:/bin", ours.display(), self.root.display()),
            )
            .env("HOME", self.path("home"))
            .env("LD_LIBRARY_PATH", &self.libraries)
            .env("SLURM_CONF", self.path("slurm.conf"))
            .current_dir(self.path("jobs"))
            .stdin(Stdio::null());
        command
    }

    fn daemon(&mut self, name: &str, arguments: &[&str]) -> Result<(), String> {
        let program = self.program("sbin", name).ok_or_else(|| format!("there is no {name}"))?;
        let log = fs::File::create(self.path(&format!("{name}.out"))).unwrap();
        let child = self
            .command(&program)
            .args(arguments)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        self.daemons.push(child);
        Ok(())
    }

    /// Waits for something to come true while all daemons are alive.
    fn until(
        &mut self,
        failure: &str,
        mut is_true: impl FnMut(&Self) -> bool,
    ) -> Result<(), String> {
        let start = Instant::now();
        while !is_true(self) {
            let ended = self.daemons.iter_mut().any(|child| child.try_wait().unwrap().is_some());
            if ended || start.elapsed() > PATIENCE {
                return Err(format!("{failure}; {}", self.said()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The last words of the daemons.
    fn said(&self) -> String {
        let files = ["munged.out", "slurmctld.out", "slurmd.out", "slurmctld.log", "slurmd.log"];
        let last = |file: &&str| {
            let text = fs::read_to_string(self.path(file)).ok()?;
            Some(format!("{file}: {}", text.lines().last()?))
        };
        files.iter().filter_map(last).collect::<Vec<_>>().join("; ")
    }

    fn ask(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.root.join("usr/bin").join(name));
        command.args(arguments);
        command
    }

    /// Waits until no job is left.
    fn wait_for_all(&self) {
        let start = Instant::now();
        loop {
            let queue = self.ask("squeue", &["--noheader"]).output().unwrap();
            assert!(queue.status.success(), "{}", text(&queue));
            if queue.stdout.is_empty() {
                return;
            }
            assert!(start.elapsed() < 2 * PATIENCE, "{}\n{}", text(&queue), self.printed());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// What jobs have printed, by the names of the files.
    fn printed(&self) -> String {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.path("jobs")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let show = |file: &PathBuf| {
            format!("{}: {}", file.display(), fs::read_to_string(file).unwrap_or_default())
        };
        files.iter().map(show).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Jobs that are left would outlive the daemon of the node.
        let is_busy = |cluster: &Self| {
            let jobs = cluster.ask("squeue", &["--noheader"]).output();
            jobs.is_ok_and(|jobs| jobs.status.success() && !jobs.stdout.is_empty())
        };
        if self.daemons.len() == 3 && is_busy(self) {
            drop(self.ask("scancel", &["--quiet", "--user", &user()]).output());
            let start = Instant::now();
            while is_busy(self) && start.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        for daemon in self.daemons.iter_mut().rev() {
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let start = Instant::now();
            while matches!(daemon.try_wait(), Ok(None)) {
                if start.elapsed() > Duration::from_secs(5) {
                    let _ = daemon.kill();
                    let _ = daemon.wait();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// The folder of plugins below `usr/lib/<machine>/`.
fn plugins(root: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(root.join("usr/lib")).ok()?;
    let mut plugins = folders.filter_map(|entry| Some(entry.ok()?.path().join("slurm-wlm")));
    plugins.find(|folder| folder.join("auth_munge.so").is_file())
}

/// The name that the controller knows this machine by.
fn node() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    name.trim().split('.').next().unwrap_or_default().to_owned()
}

/// The name of the user of this process.
fn user() -> String {
    let name = Command::new("id").arg("-un").output().unwrap().stdout;
    String::from_utf8(name).unwrap().trim().to_owned()
}

fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

fn variable(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os(name).expect("cargo xtask slurm sets it"))
}

const CHOICE: &str = "--subject 01 03 --roi face --zscore session --average image";

#[test]
#[ignore = "needs Debian's Slurm: run by cargo xtask slurm"]
fn an_array_job_makes_the_bytes_of_one_process() {
    let cluster = match Cluster::start(&variable("LAION_FMRI_SLURM")) {
        Ok(cluster) => cluster,
        Err(reason) => {
            fs::write(variable("LAION_FMRI_SLURM_SKIPPED"), reason).unwrap();
            return;
        }
    };
    let bucket = Bucket::temporary().unwrap();
    // What the real bucket lists and refuses cannot be in a mirror.
    for key in bucket.denied_keys() {
        fs::remove_file(bucket.path(&key)).unwrap();
    }
    let work = cluster.path("work");
    for name in ["one", "many"] {
        fs::create_dir_all(work.join(name)).unwrap();
    }
    let mirror = bucket.root().display().to_string();
    let laion_fmri = |line: &str| {
        let program = Command::cargo_bin("laion-fmri").unwrap();
        let output = cluster
            .command(Path::new(program.get_program()))
            .args(["--offline", "--progress", "none", "--data-dir", &mirror])
            .args(line.split(' '))
            .current_dir(&work)
            .output()
            .unwrap();
        assert!(output.status.success(), "laion-fmri {line}: {}", text(&output));
        output.stdout
    };
    laion_fmri(&format!("extract {CHOICE} -o one/out.npz"));
    let plan = laion_fmri(&format!("plan {CHOICE} -o many/out.npz"));
    fs::write(work.join("plan.jsonl"), &plan).unwrap();
    let tasks = plan.iter().filter(|byte| **byte == b'\n').count();
    assert!((3..=7).contains(&tasks), "{tasks} tasks");
    let line = "slurm plan.jsonl --partition loop --time 00:02:00 --log-dir logs -o scripts";
    laion_fmri(line);

    let submit = || {
        let script = work.join("scripts/submit.sh").display().to_string();
        let output = cluster.command(Path::new("/bin/bash")).arg(script).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let said = String::from_utf8(output.stdout).unwrap();
        let job =
            said.strip_prefix("extract: job ").and_then(|rest| rest.split_once("; merge: job "));
        let (extract, rest) = job.unwrap_or_else(|| panic!("{said}"));
        let merge = rest.split(',').next().unwrap();
        cluster.wait_for_all();
        (extract.to_owned(), merge.to_owned())
    };
    let log = |name: &str| {
        let file = work.join("logs").join(name);
        fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", file.display(), cluster.printed()))
    };
    let (extract, merge) = submit();
    for task in 0..tasks {
        let said = log(&format!("laion-fmri-{extract}_{task}.out"));
        assert!(said.contains(", 0 were done before"), "{said}");
    }
    let said = log(&format!("laion-fmri-merge-{merge}.out"));
    assert!(said.contains(" rows x "), "{said}");
    // Submitted once more, after all is done: nothing is left to do, and nothing fails.
    let (extract, merge) = submit();
    for name in [format!("laion-fmri-{extract}_0.out"), format!("laion-fmri-merge-{merge}.out")] {
        assert!(log(&name).contains(" is done"), "{}", log(&name));
    }
    for name in ["out.npz", "out.npz.recipe.toml"] {
        let read = |folder: &str| fs::read(work.join(folder).join(name)).unwrap_or_default();
        let (one, many) = (read("one"), read("many"));
        assert!(!one.is_empty() && one == many, "{name} differs\n{}", cluster.printed());
    }
}
