//! What a user says of the names that nodes announce: where they are really reached, and what their certificates say.

use std::fmt;
use std::sync::Arc;

use crate::outcome::Address;

/// Where a node is reached that the topology names by this address.
#[derive(Clone)]
pub(crate) struct AddressMap(Arc<dyn Fn(&Address) -> Address + Send + Sync>);

/// Which name the certificate of a node must carry: of the address that the topology names it by, and the host name that it
/// announces.
#[derive(Clone)]
pub(crate) struct ServerNames(Arc<dyn Fn(&Address, Option<&str>) -> Option<String> + Send + Sync>);

impl AddressMap {
    pub(crate) fn new(map: impl Fn(&Address) -> Address + Send + Sync + 'static) -> Self {
        Self(Arc::new(map))
    }

    /// Where the node is reached that the topology calls `announced`.
    pub(crate) fn apply(&self, announced: &Address) -> Address {
        (self.0)(announced)
    }
}

impl ServerNames {
    pub(crate) fn new(names: impl Fn(&Address, Option<&str>) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(names))
    }

    /// The name of the node that the topology calls `announced`, before any mapping; `None` leaves it to the rule without
    /// the function.
    pub(crate) fn name(&self, announced: &Address, hostname: Option<&str>) -> Option<String> {
        (self.0)(announced, hostname)
    }
}

impl fmt::Debug for AddressMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(OWN)
    }
}

impl fmt::Debug for ServerNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(OWN)
    }
}

const OWN: &str = "the user's own";
