//! Where a URL leads: its hosts, the path of a socket, the name of a service.

use std::ops::Range;
use std::path::PathBuf;

use super::parts::{Form, Parts};
use crate::client::config::{ConfigError, ConfigErrorKind, Deployment, check_service, validate, values};
use crate::client::defaults;
use crate::outcome::Address;

impl Parts<'_> {
    pub(super) fn deployment(&self) -> Result<Deployment, ConfigError> {
        Ok(match self.kind.form {
            Form::Servers => Deployment::of_servers(self.hosts(defaults::PORT)?),
            Form::Socket => Deployment::Standalone(self.socket()?),
            Form::Cluster => Deployment::Cluster(self.hosts(defaults::PORT)?),
            Form::Sentinel => {
                let sentinels = self.hosts(defaults::SENTINEL_PORT)?;
                Deployment::Sentinel { sentinels, service: self.service()? }
            }
        })
    }

    /// The hosts, which have commas between them.
    fn hosts(&self, default_port: u16) -> Result<Vec<Address>, ConfigError> {
        pieces(self.url, &self.hosts).map(|host| self.host_and_port(host, default_port)).collect()
    }

    fn host_and_port(&self, place: Range<usize>, default_port: u16) -> Result<Address, ConfigError> {
        let text = self.text(&place);
        let bad_host = || self.fail(ConfigErrorKind::BadHost, validate::HOST, place.clone());
        let bracketed = text.starts_with('[');
        let end =
            if bracketed { text.find(']').ok_or_else(bad_host)? + 1 } else { text.find(':').unwrap_or(text.len()) };
        let (host, port) = text.split_at(end);
        if !port.is_empty() && port.rfind(':') != Some(0) {
            return Err(bad_host());
        }
        let span = place.start..place.start + end;
        let host = if bracketed { 1..host.len() - 1 } else { 0..host.len() };
        let host = self.decoded(place.start + host.start..place.start + host.end)?;
        validate::check_host(&host).map_err(|error| self.fail(error.kind(), error.expected(), span.clone()))?;
        if bracketed != host.contains(':') {
            return Err(self.fail(ConfigErrorKind::BadHost, validate::HOST, span));
        }
        let port = if port.is_empty() { default_port } else { self.port(span.end + 1..place.end)? };
        Ok(Address::tcp(host, port))
    }

    fn port(&self, digits: Range<usize>) -> Result<u16, ConfigError> {
        let port = values::count(self.text(&digits)).filter(|port| *port != 0);
        port.ok_or_else(|| self.fail(ConfigErrorKind::BadPort, validate::PORT, digits))
    }

    fn socket(&self) -> Result<Address, ConfigError> {
        let bad_path = |span| self.fail(ConfigErrorKind::BadSocketPath, validate::SOCKET_PATH, span);
        if !self.hosts.is_empty() {
            return Err(bad_path(self.hosts.clone()));
        }
        let path = self.decoded(self.path.clone())?;
        if path.len() <= 1 {
            return Err(bad_path(self.path.clone()));
        }
        validate::check_socket_path(path.as_bytes())
            .map_err(|error| self.fail(error.kind(), error.expected(), self.path.clone()))?;
        Ok(Address::Unix(PathBuf::from(path.into_owned())))
    }

    fn service(&self) -> Result<String, ConfigError> {
        let (place, _) = self.service_and_database();
        let service = self.decoded(place.clone())?;
        check_service(&service).map_err(|error| self.fail(error.kind(), error.expected(), place))?;
        Ok(service.into_owned())
    }

    /// The database in the path of a URL that has one there.
    pub(super) fn database(&self) -> Option<Range<usize>> {
        let database = match self.kind.form {
            Form::Socket => return None,
            Form::Servers | Form::Cluster => self.path.start + 1..self.path.end,
            Form::Sentinel => self.service_and_database().1,
        };
        if database.is_empty() { None } else { Some(database) }
    }

    /// The two parts of a path that is `/service/database`.
    fn service_and_database(&self) -> (Range<usize>, Range<usize>) {
        let start = (self.path.start + 1).min(self.path.end);
        let path = start..self.path.end;
        match self.text(&path).find('/') {
            Some(slash) => (start..start + slash, start + slash + 1..path.end),
            None => (path.clone(), path.end..path.end),
        }
    }
}

/// The parts of `list` in `url` between its commas.
pub(super) fn pieces<'a>(url: &'a str, list: &Range<usize>) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut next = list.start;
    url[list.clone()].split(',').map(move |piece| {
        let start = next;
        next += piece.len() + 1;
        start..start + piece.len()
    })
}
