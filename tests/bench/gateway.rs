//! The gateway behind a real server, before one instance at an address: what `tests/bench/proxy` measures.
//!
//! Usage: `gateway LISTEN INSTANCE`, both `ADDRESS:PORT`. Every host leads to that instance. It runs until it is killed.

use std::net::SocketAddr;
use std::sync::Arc;

use glasshouse::app::threads;
use glasshouse::auth::Auth;
use glasshouse::config::Config;
use glasshouse::domain::{AccountId, InstanceId, RepoName, SpaceId, Visibility};
use glasshouse::gateway::{Address, Gateway, Target};
use glasshouse::journal::{Journal, JournalLimits};
use glasshouse::routes::{EntrySettings, Route, RouteTable};
use glasshouse::server::{self, Stop};
use glasshouse::store::{Sealer, Store};
use glasshouse::telemetry::Metrics;
use glasshouse::upstream::Upstream;

fn main() {
    let mut addresses = std::env::args().filter_map(|word| word.parse::<SocketAddr>().ok());
    let (Some(listen), Some(instance)) = (addresses.next(), addresses.next()) else {
        eprintln!("usage: gateway LISTEN INSTANCE");
        return;
    };
    let mut config = Config::defaults();
    config.listen = listen;
    let runtime = threads::runtime(&config.server).expect("threads");
    runtime.block_on(run(config, instance));
}

async fn run(config: Config, instance: SocketAddr) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("db").display());
    let store = Store::connect(&url, Sealer::new(&[7; 32])).await;
    let journal = Journal::open(folder.path().join("logs"), JournalLimits::default());
    let (routes, _nudges) = RouteTable::new();
    let name: RepoName = "a/b".parse().expect("valid");
    let settings = EntrySettings {
        name: name.clone(),
        owner: AccountId::new(),
        visibility: Visibility::Public,
    };
    let space = routes.put(SpaceId::new(), name.subdomain().expect("short"), settings);
    let serving = space.serving(InstanceId::new(), Upstream::Tcp(instance));
    space.set(Route::Serving(serving));
    let auth = Auth::new(store.expect("a database"));
    let journal = journal.expect("a journal");
    let gateway = Gateway::new(routes, auth, journal, &config, Arc::new(Metrics::new()));
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .expect("a port");
    let handler = move |request| {
        let gateway = gateway.clone();
        let address = Address::new(Target::Subdomain("a-b".into()), &request);
        async move { gateway.call(request, address).await }
    };
    server::serve(listener, &config, handler, Stop::default()).await;
}
