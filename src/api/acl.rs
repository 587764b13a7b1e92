//! Users and what they may: <https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/>.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::moment::UnixMilliseconds;
use super::{Shown, keyless, known};
use crate::command::{ConversionError, Effect, Executor, Fields, FromReply, Reply, Request, ToArg, ToArgs};

/// Commands on the users of the server.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Acl;
///
/// client.acl_setuser("app", ["on", ">password", "~app:*", "+@all", "-@dangerous"]).await?;
/// if let Some(refusal) = client.acl_dryrun("app", ("GET", "other")).await? {
///     println!("{refusal}");
/// }
/// # Ok(())
/// # }
/// ```
pub trait Acl: Executor {
    /// The categories of commands; of one, by the option [`category`](AclCatOptions), its commands.
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-cat/>
    fn acl_cat(self) -> Request<Self, Vec<String>, AclCatOptions> {
        keyless::<_, ()>(self, const { known("ACL CAT") }).marked()
    }

    /// Deletes users and ends their connections. How many there were.
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-deluser/>
    fn acl_deluser(self, users: impl ToArgs) -> Request<Self, u64> {
        keyless(self, const { known("ACL DELUSER") }).with(users)
    }

    /// Whether a user might run a command, which is its words in order, such as `("SET", "key", "value")`. It is not run.
    /// `None`: yes; otherwise the server's words why not. If there is no such user: an error.
    /// Since 7.0. <https://redis.io/docs/latest/commands/acl-dryrun/>
    fn acl_dryrun(self, user: impl ToArg, command: impl ToArgs) -> Request<Self, Option<String>> {
        keyless::<_, ()>(self, const { known("ACL DRYRUN") }).with((user, command)).read_by(refusal)
    }

    /// A random password, in hexadecimal digits. Options are methods of the request: [`bits`](AclGenpassOptions).
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-genpass/>
    fn acl_genpass(self) -> Request<Self, String, AclGenpassOptions> {
        keyless::<_, ()>(self, const { known("ACL GENPASS") }).marked()
    }

    /// What a user may; `None` if there is no such user.
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-getuser/>
    fn acl_getuser(self, user: impl ToArg) -> Request<Self, Option<AclUser>> {
        keyless(self, const { known("ACL GETUSER") }).with(user)
    }

    /// The server's help on ACL, line by line.
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-help/>
    fn acl_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("ACL HELP") })
    }

    /// The users with their rules, a line each, as they stand in an ACL file. The lines hold the passwords' hashes.
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-list/>
    fn acl_list(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("ACL LIST") })
    }

    /// Reads the users from the server's ACL file; if it has none, or there is a mistake in it: an error, and all stays
    /// as it is.
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-load/>
    fn acl_load(self) -> Request<Self, ()> {
        keyless(self, const { known("ACL LOAD") })
    }

    /// What was refused to users lately, the latest first, at most 10. Options are methods of the request:
    /// [`count`](AclLogOptions), [`reset`](AclLogOptions).
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-log/>
    fn acl_log(self) -> Request<Self, Vec<AclLogEntry>, AclLogOptions> {
        keyless::<_, ()>(self, const { known("ACL LOG") }).marked()
    }

    /// Writes the users to the server's ACL file; if it has none: an error.
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-save/>
    fn acl_save(self) -> Request<Self, ()> {
        keyless(self, const { known("ACL SAVE") })
    }

    /// Changes a user by these [rules](https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/#acl-rules),
    /// in their order: `["on", ">password", "~key:*", "+@read"]`. A new user starts without any right; a user that is there
    /// keeps what the rules do not change. A wrong rule is an error, and nothing changes.
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-setuser/>
    fn acl_setuser(self, user: impl ToArg, rules: impl ToArgs) -> Request<Self, ()> {
        keyless(self, const { known("ACL SETUSER") }).with((user, rules))
    }

    /// The names of the users.
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-users/>
    fn acl_users(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("ACL USERS") })
    }

    /// The name of the user of this connection.
    /// Since 6.0. <https://redis.io/docs/latest/commands/acl-whoami/>
    fn acl_whoami(self) -> Request<Self, String> {
        keyless(self, const { known("ACL WHOAMI") })
    }
}

impl<E: Executor> Acl for E {}

/// Why not; a server that has nothing against it says `OK`.
fn refusal(reply: Reply<'_>) -> Result<Option<String>, ConversionError> {
    let said = String::from_reply(reply)?;
    Ok((said != "OK").then_some(said))
}

/// Marks a request of [`Acl::acl_cat`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+AclCatOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct AclCatOptions;

/// Options of [`Acl::acl_cat`].
impl<E, T> Request<E, T, AclCatOptions> {
    /// Answers the commands of this category.
    pub fn category(self, name: impl ToArg) -> Self {
        self.with(name)
    }
}

/// Marks a request of [`Acl::acl_genpass`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+AclGenpassOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct AclGenpassOptions;

/// Options of [`Acl::acl_genpass`].
impl<E, T> Request<E, T, AclGenpassOptions> {
    /// So many bits, rounded up to a multiple of 4. Default: 256. At most 4096.
    pub fn bits(self, bits: u32) -> Self {
        self.with(bits)
    }
}

/// Marks a request of [`Acl::acl_log`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+AclLogOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct AclLogOptions;

/// Options of [`Acl::acl_log`]; one of them.
impl<E, T> Request<E, T, AclLogOptions> {
    /// So many at most. Default: 10.
    pub fn count(self, entries: u32) -> Self {
        self.with(entries)
    }

    /// Forgets them all instead.
    pub fn reset(self) -> Request<E, (), AclLogOptions> {
        self.with("RESET").does(Effect::Admin).marked()
    }
}

/// What a user may. `Debug` does not show the hashes of the passwords.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct AclUser {
    /// Such as `on`, `nopass`.
    pub flags: Vec<String>,
    /// The SHA-256 of each password, in hexadecimal digits.
    pub passwords: Vec<String>,
    /// The rules about commands, such as `-@all +get`.
    pub commands: String,
    /// The patterns of keys, such as `~app:* %R~shared:*`.
    pub keys: String,
    /// The patterns of channels, such as `&news:*`.
    pub channels: String,
    /// Further sets of rules, any of which is enough. Since 7.0.
    pub selectors: Vec<AclSelector>,
}

impl fmt::Debug for AclUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AclUser")
            .field("flags", &self.flags)
            .field("passwords", &self.passwords.len())
            .field("commands", &self.commands)
            .field("keys", &self.keys)
            .field("channels", &self.channels)
            .field("selectors", &self.selectors)
            .finish()
    }
}

impl FromReply for AclUser {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            flags: fields.required("flags")?,
            passwords: fields.required("passwords")?,
            commands: fields.required("commands")?,
            keys: patterns(&fields, "keys")?,
            channels: patterns(&fields, "channels")?,
            selectors: fields.optional("selectors")?.unwrap_or_default(),
        })
    }
}

/// A further set of rules of a user.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AclSelector {
    /// The rules about commands.
    pub commands: String,
    /// The patterns of keys.
    pub keys: String,
    /// The patterns of channels.
    pub channels: String,
}

impl FromReply for AclSelector {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            commands: fields.required("commands")?,
            keys: fields.required("keys")?,
            channels: fields.required("channels")?,
        })
    }
}

/// Patterns, which Redis 6 sends as a list without their signs.
fn patterns(fields: &Fields<'_>, name: &str) -> Result<String, ConversionError> {
    match fields.reply(name).map(Vec::<String>::from_reply) {
        Some(Ok(list)) => Ok(list.join(" ")),
        _ => Ok(fields.optional(name)?.unwrap_or_default()),
    }
}

/// Something that was refused to a user. What is no UTF-8 in the names of keys, channels and users is `U+FFFD` here.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AclLogEntry {
    /// How often it happened.
    pub count: u64,
    /// What was wrong: `auth`, `command`, `key`, or `channel`.
    pub reason: String,
    /// Where it happened: `toplevel`, `multi`, `lua`, or `module`.
    pub context: String,
    /// The command, key, or channel that was refused.
    pub object: String,
    /// The user.
    pub username: String,
    /// How long ago it happened.
    pub age: Duration,
    /// The connection, in the words of `CLIENT LIST`.
    pub client_info: String,
    /// The entry's number. Since 7.2.
    pub entry_id: Option<u64>,
    /// When it happened first. Since 7.2.
    pub timestamp_created: Option<SystemTime>,
    /// When it happened last. Since 7.2.
    pub timestamp_last_updated: Option<SystemTime>,
}

impl FromReply for AclLogEntry {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        let moment = |name| fields.optional::<UnixMilliseconds>(name).map(|at| at.map(|at| at.0));
        Ok(Self {
            count: fields.required("count")?,
            reason: fields.required("reason")?,
            context: fields.required("context")?,
            object: fields.required::<Shown>("object")?.0,
            username: fields.required::<Shown>("username")?.0,
            age: Duration::try_from_secs_f64(fields.required("age-seconds")?)
                .map_err(|error| ConversionError::new("an age in seconds", error.to_string()))?,
            client_info: fields.required::<Shown>("client-info")?.0,
            entry_id: fields.optional("entry-id")?,
            timestamp_created: moment("timestamp-created")?,
            timestamp_last_updated: moment("timestamp-last-updated")?,
        })
    }
}
