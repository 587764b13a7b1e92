//! Every command that a client may call has a typed function, every function says what it needs to, and is tested.
//!
//! What servers list is asked of real ones; what the crate has is read from its sources.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use steadfast::client::ProtocolChoice;
use steadfast::{Command, Facts};

use live::{KINDS, connected, tcp};
use support::Server;

/// A function of `src/api/`.
#[derive(Debug)]
struct Function {
    file: String,
    name: String,
    doc: String,
    /// The commands that its body names.
    commands: Vec<String>,
    /// The function that it is another name of.
    twin: Option<String>,
}

impl Function {
    /// The commands whose names the function has, spelt as a function: `CONFIG SET` and `config_set`.
    fn is_named_for(&self, command: &str) -> bool {
        let spelt = command.to_lowercase().replace([' ', '-', '.'], "_");
        // A keyword of Rust cannot be a name.
        self.name == spelt || KEYWORDS.iter().any(|(command, name)| *command == spelt && *name == self.name)
    }

    /// Whether it is one of several forms of the command: `zpopmin_count` of `ZPOPMIN`.
    fn is_a_form_of(&self, command: &str) -> bool {
        let spelt = command.to_lowercase().replace([' ', '-', '.'], "_");
        self.is_named_for(command) || self.name.strip_prefix(&spelt).is_some_and(|rest| rest.starts_with('_'))
    }

    fn links(&self) -> impl Iterator<Item = &str> {
        self.doc
            .split('<')
            .skip(1)
            .filter_map(|rest| rest.split('>').next())
            .filter(|link| link.starts_with("https://"))
    }
}

/// Commands whose names cannot be those of functions, and their functions.
const KEYWORDS: &[(&str, &str)] = &[("type", "type_of"), ("move", "move_to"), ("ft__list", "ft_list")];

/// The functions of the traits of `src/api/`.
fn functions() -> Vec<Function> {
    let mut functions = Vec::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api")) {
        let (mut doc, mut in_trait) = (String::new(), false);
        for line in file.1.lines() {
            match line.trim_start() {
                _ if line.starts_with("pub trait ") => {
                    in_trait = line.contains(": Executor") || line.contains(": Exclusive")
                }
                _ if line == "}" => in_trait = false,
                text if text.starts_with("///") => doc.push_str(text.trim_start_matches("///")),
                text if text.starts_with("#[") => {}
                text if in_trait && text.starts_with("fn ") => {
                    let name = text["fn ".len()..].split(['(', '<']).next().unwrap().to_owned();
                    functions.push(Function {
                        file: file.0.clone(),
                        name,
                        doc: std::mem::take(&mut doc),
                        commands: vec![],
                        twin: None,
                    });
                }
                text => {
                    let named = text.split("known(\"").skip(1).filter_map(|rest| rest.split('"').next());
                    if let Some(function) = functions.last_mut().filter(|_| in_trait) {
                        function.commands.extend(named.map(str::to_owned));
                        let twin = text.strip_prefix("self.").and_then(|rest| rest.split('(').next());
                        function.twin = function.twin.take().or(twin.map(str::to_owned));
                    }
                    doc.clear();
                }
            }
        }
    }
    functions
}

/// The Rust files under a folder, with their texts.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// What has no function, and why.
const WITHOUT: &[(&str, &[&str])] = &[
    (
        "the client does it by itself: `transaction()`, the configuration, `close()`, redirects",
        &["ASKING", "AUTH", "CLIENT CAPA", "DISCARD", "EXEC", "HELLO", "MULTI", "QUIT"],
    ),
    (
        "only a cache can use it: invalidations come as pushes, which nobody could be given",
        &["CLIENT CACHING", "CLIENT TRACKING"],
    ),
    (
        "its answers are not one for each command: `subscribe()`, `monitor()`, `execute_unanswered()`",
        &[
            "CLIENT REPLY",
            "MONITOR",
            "PSUBSCRIBE",
            "PUNSUBSCRIBE",
            "SSUBSCRIBE",
            "SUBSCRIBE",
            "SUNSUBSCRIBE",
            "UNSUBSCRIBE",
        ],
    ),
    ("makes a connection like a new one but for the protocol: a new one is at hand", &["RESET"]),
    (
        "servers say it to each other, or test themselves with it",
        &["PFDEBUG", "PFSELFTEST", "PSYNC", "REPLCONF", "RESTORE-ASKING", "SCRIPT DEBUG", "SYNC"],
    ),
];

fn reason_without(command: &str) -> Option<&'static str> {
    WITHOUT.iter().find_map(|(reason, commands)| commands.contains(&command).then_some(*reason))
}

#[tokio::test]
async fn every_command_of_both_servers_has_a_function_or_a_reason() {
    let functions = functions();
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            let listed: Vec<String> = client.request(Command::new("COMMAND LIST")).await.unwrap();
            let names: BTreeSet<_> = listed.iter().map(|name| name.to_uppercase().replace('|', " ")).collect();
            // A container is none by itself; COMMAND is one besides.
            let is_container =
                |name: &str| name != "COMMAND" && names.iter().any(|other| other.starts_with(&format!("{name} ")));
            let names: BTreeSet<_> = names.iter().filter(|name| !is_container(name)).collect();
            let covered: Vec<_> =
                names.iter().filter(|name| functions.iter().any(|function| function.is_named_for(name))).collect();
            let missing: Vec<_> =
                names.iter().filter(|name| !covered.contains(name) && reason_without(name).is_none()).collect();
            assert!(missing.is_empty(), "{kind:?}: {missing:?}");
            let both: Vec<_> = covered.iter().filter(|name| reason_without(name).is_some()).collect();
            assert!(both.is_empty(), "{kind:?}: these have functions, and a reason to have none: {both:?}");
            println!("{kind:?} {protocol:?}: {} of {} commands have a function", covered.len(), names.len());
        }
    }
}

#[test]
fn every_function_says_since_when_and_where_it_is_documented() {
    let functions = functions();
    let mut seen = BTreeMap::new();
    for function in &functions {
        let Function { file, name, doc, commands, twin } = function;
        assert!(!commands.is_empty() || twin.is_some(), "{file}: {name} names no command of the table");
        assert!(
            doc.contains("Since ") || doc.contains("Valkey ") || doc.contains("Redis "),
            "{file}: {name}: since when?"
        );
        let own = commands.iter().map(|command| command.to_lowercase().replace(' ', "-"));
        let spelt = name.replace('_', "-");
        let slugs: Vec<_> = own.chain([spelt, name.replacen('_', ".", 1).replace('_', "-")]).collect();
        let is_linked = function
            .links()
            .any(|link| slugs.iter().any(|slug| link.trim_end_matches('/').ends_with(&format!("/{slug}"))));
        assert!(is_linked, "{file}: {name}: {doc} has no link to one of {slugs:?}");
        if let Some(other) = seen.insert(name, file) {
            panic!("{name} is in {other} and in {file}: nobody could call it with both traits in scope");
        }
        let known = commands.iter().any(|command| function.is_a_form_of(command));
        // A twin in seconds sends the milliseconds.
        let is_twin =
            commands.iter().any(|command| command.to_lowercase().replacen('p', "", 1).replace(' ', "_") == *name);
        assert!(known || is_twin || twin.is_some(), "{file}: {name} sends {commands:?}");
        assert!(commands.iter().all(|command| Facts::of(command).is_some()));
    }
    println!("{} functions", functions.len());
}

/// A link to `Request::count` leads to the first of many methods of that name; one to the mark leads to the right ones.
#[test]
fn links_to_options_lead_to_those_of_the_command() {
    for (file, text) in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api")) {
        // These are methods of every request, or of one kind alone.
        let of_all = |rest: &&str| {
            ["stream)", "answer_as)", "deadline)", "replay)", "on_refusal)"].iter().any(|name| rest.starts_with(name))
        };
        let wrong: Vec<_> = text.split("](Request::").skip(1).filter(|rest| !of_all(rest)).collect();
        assert!(wrong.is_empty(), "{file}: ](Request::{}", wrong[0].lines().next().unwrap_or_default());
    }
}

#[test]
fn every_function_is_called_by_a_test() {
    let tests: String =
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")).into_iter().map(|(_, text)| text).collect();
    let uncalled: Vec<_> = functions()
        .into_iter()
        .filter(|function| {
            let name = &function.name;
            !tests.contains(&format!(".{name}(")) && !tests.contains(&format!(".{name}::<"))
        })
        .map(|function| format!("{}: {}", function.file, function.name))
        .collect();
    assert_eq!(uncalled, [""; 0]);
}
