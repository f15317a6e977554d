//! The one table between the control plane, which writes it, and the gateway, which reads it.
//!
//! Reading is one map look-up and one look at a `watch` cell: no database, no waiting. The reader can say two things
//! back, neither of which waits: *somebody wants this Space* ([`Entry::demand`]) and *a visit began, was of use, or
//! ended* ([`Visit`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::RwLock;
use tokio::sync::{mpsc, watch};

use crate::domain::{AccountId, InstanceId, RepoName, SpaceId, Stage, Subdomain, Visibility};
use crate::net::Traffic;
use crate::upstream::Upstream;

mod mean;
mod serving;

pub use mean::MeanTime;
pub use serving::{Serving, Visit};

/// What the gateway does with a Space's requests right now.
#[derive(Debug, Clone)]
pub enum Route {
    /// Send them there.
    Serving(Arc<Serving>),
    /// Say that somebody wants it, and wait.
    Asleep,
    /// Wait: what is to run is being made.
    Building,
    /// Wait: it is on its way.
    Starting,
    /// Wait: the host is full, and others are before it.
    Queued {
        /// Its place, beginning at 1.
        place: usize,
    },
    /// It waits until there is room for it, which may take long. Whoever comes before `again` is told so at once, and later
    /// ones make it try.
    Blocked {
        /// When another try makes sense.
        again: Instant,
    },
    /// It will not answer until its owner does something.
    Refused(Refusal),
}

/// Why a Space does not answer.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// What the outside is told.
    pub stage: Stage,
    /// One sentence for the visitor.
    pub message: String,
}

/// What the gateway needs to know of a Space beside its route.
#[derive(Debug, Clone)]
pub struct EntrySettings {
    /// Its full name.
    pub name: RepoName,
    /// Whose it is.
    pub owner: AccountId,
    /// Who may visit.
    pub visibility: Visibility,
}

/// A Space in the table.
#[derive(Debug)]
pub struct Entry {
    /// Which Space.
    pub id: SpaceId,
    /// What its visitors do.
    pub traffic: Arc<Traffic>,
    /// How long its instances take to answer, from the moment they are begun.
    pub starts: MeanTime,
    /// How long its builds take, waiting for a turn not counted.
    pub builds: MeanTime,
    settings: RwLock<Arc<EntrySettings>>,
    barred: RwLock<Option<Arc<Refusal>>>,
    route: watch::Sender<Route>,
    wanted: AtomicBool,
    nudge: mpsc::UnboundedSender<SpaceId>,
}

/// The table. Cheap to clone; all clones are the same table.
#[derive(Debug, Clone)]
pub struct RouteTable {
    entries: Arc<RwLock<HashMap<Subdomain, Arc<Entry>>>>,
    former: Arc<RwLock<Former>>,
    nudge: mpsc::UnboundedSender<SpaceId>,
}

/// Names that Spaces had once. Looked at only where no Space is.
#[derive(Debug, Default)]
struct Former {
    /// By the address that the name was; the name is in lower case.
    names: HashMap<Subdomain, (String, SpaceId)>,
    /// Where those Spaces are.
    places: HashMap<SpaceId, Subdomain>,
}

/// Spaces that somebody wants or that lost their last visitor. The control plane reads it.
pub type Nudges = mpsc::UnboundedReceiver<SpaceId>;

// === impl RouteTable ===

impl RouteTable {
    /// An empty table and the channel on which its readers speak back.
    pub fn new() -> (Self, Nudges) {
        let (nudge, nudges) = mpsc::unbounded_channel();
        let table = Self {
            entries: Arc::default(),
            former: Arc::default(),
            nudge,
        };
        (table, nudges)
    }

    /// The Space at that address label.
    pub fn get(&self, subdomain: &str) -> Option<Arc<Entry>> {
        let entries = self.entries.read();
        entries.get(subdomain).cloned()
    }

    /// The Space of that name, as the path form `/run/OWNER/NAME/` asks for it.
    pub fn get_by_name(&self, name: &RepoName) -> Option<Arc<Entry>> {
        let entry = self.get(name.subdomain().ok()?.as_str())?;
        (entry.settings().name == *name).then_some(entry)
    }

    /// The Space that was at that address once, under that name if one is given, and where it is.
    pub fn moved(
        &self,
        subdomain: &str,
        name: Option<&RepoName>,
    ) -> Option<(Arc<Entry>, Subdomain)> {
        let former = self.former.read();
        let (known, id) = former.names.get(subdomain)?;
        if name.is_some_and(|name| !known.eq_ignore_ascii_case(&name.to_string())) {
            return None;
        }
        let place = former.places.get(id)?.clone();
        let entry = self.get(place.as_str()).filter(|entry| entry.id == *id)?;
        Some((entry, place))
    }

    /// Control plane only: a former name of a Space leads to where it is.
    pub fn lead(&self, former_name: &RepoName, id: SpaceId, place: Subdomain) {
        let mut former = self.former.write();
        if let Ok(address) = former_name.subdomain() {
            let name = former_name.to_string().to_ascii_lowercase();
            former.names.insert(address, (name, id));
        }
        former.places.insert(id, place);
    }

    /// Control plane only: puts a Space at an address, starting, or renews the entry it has there.
    pub fn put(&self, id: SpaceId, subdomain: Subdomain, settings: EntrySettings) -> Arc<Entry> {
        let mut entries = self.entries.write();
        if let Some(entry) = entries.get(&subdomain).filter(|entry| entry.id == id) {
            *entry.settings.write() = Arc::new(settings);
            return Arc::clone(entry);
        }
        let entry = Arc::new(Entry {
            id,
            traffic: Arc::default(),
            starts: MeanTime::default(),
            builds: MeanTime::default(),
            settings: RwLock::new(Arc::new(settings)),
            barred: RwLock::default(),
            route: watch::Sender::new(Route::Starting),
            wanted: AtomicBool::new(false),
            nudge: self.nudge.clone(),
        });
        entries.insert(subdomain, Arc::clone(&entry));
        entry
    }

    /// Control plane only: forgets the Space at that address, if it is still that one.
    pub fn remove(&self, id: SpaceId, subdomain: &Subdomain) {
        let mut entries = self.entries.write();
        if entries.get(subdomain).is_some_and(|entry| entry.id == id) {
            entries.remove(subdomain);
        }
    }

    /// How many Spaces have an address.
    pub fn len(&self) -> usize {
        self.entries.read().len()
    }

    /// Whether no Space has one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

// === impl Entry ===

impl Entry {
    /// Name, owner and visibility as they are now.
    pub fn settings(&self) -> Arc<EntrySettings> {
        Arc::clone(&self.settings.read())
    }

    /// Why nobody is let in, whatever the route says.
    pub fn barred(&self) -> Option<Arc<Refusal>> {
        let barred = self.barred.read();
        barred.clone()
    }

    /// Control plane only: lets nobody in until it is said again with `None`.
    pub fn bar(&self, refusal: Option<Refusal>) {
        let mut barred = self.barred.write();
        *barred = refusal.map(Arc::new);
    }

    /// What to do with a request right now.
    pub fn route(&self) -> Route {
        self.route.borrow().clone()
    }

    /// A receiver that wakes at every change of the route.
    pub fn watch(&self) -> watch::Receiver<Route> {
        self.route.subscribe()
    }

    /// Says that a visitor wants the Space. Does not wait; saying it twice is saying it once.
    pub fn demand(&self) {
        if !self.wanted.swap(true, Ordering::AcqRel) {
            // A closed channel means that the server is going down.
            let _ = self.nudge.send(self.id);
        }
    }

    /// Control plane only: whether a visitor waits.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// Control plane only: sets the route. `Serving`, `Blocked` and `Refused` answer whoever waited, and so end the demand.
    pub fn set(&self, route: Route) {
        let answers = matches!(
            route,
            Route::Serving(_) | Route::Blocked { .. } | Route::Refused(_)
        );
        if answers {
            self.wanted.store(false, Ordering::Release);
        }
        self.route.send_replace(route);
    }

    /// Control plane only: an instance of this Space, not yet routed to.
    pub fn serving(&self, instance: InstanceId, upstream: Upstream) -> Arc<Serving> {
        self.serving_with(instance, upstream, &[])
    }

    /// The same, with headers that its answers carry in place of its own of those names.
    pub fn serving_with(
        &self,
        instance: InstanceId,
        upstream: Upstream,
        headers: &[(String, String)],
    ) -> Arc<Serving> {
        let pair = |(name, value): &(String, String)| {
            let name = name.parse::<HeaderName>().ok()?;
            Some((name, value.parse::<HeaderValue>().ok()?))
        };
        // Cards were checked when they were read.
        let headers: HeaderMap = headers.iter().filter_map(pair).collect();
        Arc::new(Serving::new(
            self.id,
            instance,
            upstream,
            headers,
            Arc::clone(&self.traffic),
            self.nudge.clone(),
        ))
    }
}
