//! A child process that does not outlive the test.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// A running program. Killed on drop, when the test panics, and when the test process itself is killed.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Ends the child once this process is gone and has closed the pipe between them.
    watchdog: Child,
}

impl Process {
    /// Starts `program` with its output in the file `log`. `scratch` is removed should this process be killed.
    pub(crate) fn start(program: &Path, args: &[&str], log: &Path, scratch: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(program);
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .current_dir(scratch)
            .process_group(0);
        let child = spawn(&mut command).unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"read -r line; kill -KILL "$1"; rm -rf -- "$2""#, "watchdog"])
            .arg(child.id().to_string())
            .arg(scratch)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Of its own group, so that what ends the tests' group leaves it to do its work.
            .process_group(0);
        let watchdog = spawn(&mut command).unwrap_or_else(|error| panic!("cannot run sh: {error}"));
        Self { child, watchdog }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub(crate) fn kill9(&mut self) {
        // The watchdog goes first: it must not kill a stranger that is given the same id later.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Freezes it with SIGSTOP. The kernel still accepts connections and bytes for it.
    pub(crate) fn stop(&self) {
        self.signal("STOP");
        self.wait_for_state(|state| state == 'T');
    }

    /// Lets it go on after [`Process::stop`].
    pub(crate) fn cont(&self) {
        self.signal("CONT");
        self.wait_for_state(|state| state != 'T');
    }

    /// Asks it to end with SIGTERM and waits until it has.
    pub(crate) fn terminate(&mut self) {
        self.signal("TERM");
        let begin = Instant::now();
        while self.ended().is_none() {
            assert!(begin.elapsed() < PATIENCE, "process {} ignores SIGTERM", self.id());
            std::thread::sleep(TICK);
        }
        self.kill9();
    }

    fn signal(&self, name: &str) {
        // The shell's own `kill`: the program of that name is not on every machine.
        let mut command = Command::new("sh");
        let status = spawn(command.args(["-c", &format!("kill -{name} {}", self.id())])).unwrap().wait().unwrap();
        assert!(status.success(), "SIG{name} could not be sent to process {}", self.id());
    }

    /// A signal takes effect a moment after it was sent; where `/proc` tells, that moment is waited for.
    fn wait_for_state(&self, wanted: impl Fn(char) -> bool) {
        let begin = Instant::now();
        while let Ok(stat) = std::fs::read_to_string(format!("/proc/{}/stat", self.id())) {
            let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
            if state.is_none_or(&wanted) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "process {} is in state {state:?}", self.id());
            std::thread::sleep(TICK);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// Where `program` is, by the environment variable `variable` or the search path, or a panic that says what to install.
pub(crate) fn find_program(program: &str, variable: &str, install: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return PathBuf::from(path);
    }
    let search = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&search)
        // Debian keeps servers where the search path of an ordinary user does not look.
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{program} is not installed: {install} (or set {variable} to its path)"))
}

/// Does this while no child is being started. A new process holds all sockets of its parent until it runs its own
/// program: one that is closed meanwhile is still open then, and its peer hears of it some milliseconds later.
pub(crate) fn undisturbed<T>(act: impl FnOnce() -> T) -> T {
    let _no_spawning = SPAWNING.read().unwrap_or_else(PoisonError::into_inner);
    act()
}

/// Returns when the child runs its own program, and has let go of what was this process's.
fn spawn(command: &mut Command) -> std::io::Result<Child> {
    let _spawning = SPAWNING.write().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn()?;
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    // On Linux `spawn` returns a little too early: a process closes its parent's files, then takes its own name.
    let begin = Instant::now();
    while begin.elapsed() < NAMING {
        match std::fs::read_to_string(format!("/proc/{}/comm", child.id())) {
            // The kernel cuts names to 15 bytes.
            Ok(name) if !program.starts_with(name.trim_end()) => std::thread::yield_now(),
            _ => break,
        }
    }
    Ok(child)
}

static SPAWNING: RwLock<()> = RwLock::new(());

/// Calls `ready` until it says yes; `false` if the process ended before, so that another port can be tried.
pub(crate) fn wait_until_ready(process: &mut Process, log: &Path, ready: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    loop {
        if ready() {
            return true;
        }
        if process.ended().is_some() {
            return false;
        }
        if begin.elapsed() > PATIENCE {
            panic!("process {} does not get ready; it says:\n{}", process.id(), read_log(log));
        }
        std::thread::sleep(TICK);
    }
}

/// What a process has written so far.
pub(crate) fn read_log(log: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned()
}

/// How many starts are tried when the ports chosen turn out to be taken.
pub(crate) const STARTS: usize = 5;

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than a process takes to its name, even where much else is done.
const NAMING: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(5);
