//! # Glasshouse: a self-hosted home for interactive ML demos
//!
//! A publisher pushes a folder, a **Space**. Glasshouse builds it, runs it, gives it an address of its own, wakes it
//! when somebody visits, lets it sleep when nobody does, and never lets it take more than its quota. It speaks the
//! Hugging Face Hub's protocol, so the clients people already have work unmodified.
//!
//! This page is the architecture. It is short because the house is built on two rules: everything is somewhere on the
//! *spine*, and a room uses only rooms on *floors below* it.
//!
//! ## The spine: seven nouns, each made in one room
//!
//! ```text
//!  operations ──► Revision ──► BuildPlan ──► Artifact ──► Instance ──► Upstream ──► Route
//!    (api)         repo::       builder::     builder::    runtime::    runtime::    lifecycle
//!                  commit       plan          build        start        start        sets routes
//! ```
//!
//! Every arrow is one function, every noun has exactly one producer, and nothing further right ever calls back left.
//! Two facts keep it short:
//!
//! 1. **The stage is a view, never stored.** What is stored is what the owner wants and what was built; what runs is
//!    observed. [`domain::stage`] computes the Hub's word from these, so no stage can be forgotten to be left.
//! 2. **One decision, made from facts.** [`domain::decide`] looks at a snapshot and names the next step. A supervisor for
//!    each Space repeats *load, decide, do* until there is nothing to do. A publish, a visitor, a crash and a restart of
//!    the server are the same loop with other facts.
//!
//! ## Rooms and floors
//!
//! ```text
//!  6  cli                                            commands; remote ones speak HTTP like any client
//!  5  app                                            composition root: the only room that sees everything
//!  4  gateway         api         web                strangers' traffic · the Hub's protocol · pages
//!  3  lifecycle               server                 control plane · sockets
//!  2  builder  runtime  auth  telemetry               making · running · who asks · what happened
//!     card_cache  base_url                           what is shown · under which address
//!     backup                                         copies of the data folder
//!  1  store  repo  routes  journal  config           rows · files · the shared table · logs · options
//!     docker                                         the container engine
//!        ledger                                      who holds what; below all others of its floor
//!  0  domain                                         words and pure decisions; below all others of its floor
//!     net  upstream                                  rules of HTTP · where a request is sent
//!     keys  wasm_engine                              secrets of the server · the settings of wasmtime
//! ```
//!
//! Beside the floors stand four walls: `gateway` uses neither `lifecycle` nor `store`, `api` and `web` use neither
//! `runtime` nor `gateway`. The test `architecture` reads the source and fails when an arrow goes sideways or up, when two
//! files of a room use each other, and when a file is too long.
//!
//! [`routes`] is the one door between the control plane, which writes it, and the gateway, which reads it.
//!
//! ## One request, left to right
//!
//! 1. [`server`]: a connection permit, a deadline for the first byte and for the header, a request id.
//! 2. [`app`]: whose host is it? The hub's goes to [`api`] and [`web`], a Space's to the gateway.
//! 3. [`gateway`]: the Space's entry (one look into a table), whether this visitor may see it, a permit of the Space's,
//!    and the route. A sleeping Space is woken and waited for.
//! 4. Headers are cleaned, and the request goes to the [`upstream`]: for WebAssembly a service in this process.
//! 5. [`runtime::wasm`]: the guest is polled on guest threads only, charged for what it uses, parked when its credit is
//!    spent, and cut off at its deadline.
//! 6. The body streams back. Permit and visit end when the *body* ends, so nothing is put to sleep under its user.
//!
//! No SQL on this way, no lock held while waiting, and no call into the control plane but *somebody wants this Space*.
//!
//! ## One publish, left to right
//!
//! 1. [`api`] checks who asks and streams the commit to disk, within its limits.
//! 2. [`repo`] writes blobs, tree and commit, and moves the branch last, only from the parent the client named.
//! 3. [`lifecycle`] records the build in one transaction, nudges the supervisor and returns: the client has its answer.
//! 4. The supervisor builds ([`builder`], in a process of its own), records the artifact, starts an instance, and only
//!    then sends visitors to it. The old instance serves until that moment, and ends when its last visitor has gone.
//!
//! Killed between any two lines, the next start finds what is stored, and the same lines go on.
//!
//! ## Containers
//!
//! An image is run by the Docker engine under limits that are read back from it ([`runtime::container`]), on a network of
//! its Space's own that reaches neither this host nor a neighbour ([`docker`]). Use is requests, and streams that carry
//! something; without use a container is frozen, later stopped, and whoever comes next is held until it answers. Labels
//! say whose it is, so that a server that was killed finds what it left running and goes on from there.
//!
//! ## Quotas
//!
//! [`ledger`] is the one book: memory is held in three tiers at once (Space, owner, host) as values whose drop gives it
//! back, and CPU is credit that refills at a Space's rate, which the scheduler of guest threads spends. Disk is reserved
//! before each write of [`repo`], by whatever way the bytes come, and measured after it.

pub mod api;
pub mod app;
pub mod auth;
pub mod backup;
pub mod base_url;
pub mod builder;
pub mod card_cache;
pub mod cli;
pub mod config;
pub mod docker;
pub mod domain;
pub mod gateway;
pub mod journal;
pub mod keys;
pub mod ledger;
pub mod lifecycle;
pub mod net;
pub mod repo;
pub mod routes;
pub mod runtime;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod upstream;
pub mod wasm_engine;
pub mod web;

/// Of every program made from this library. A request allocates a few dozen times, and the system's allocator takes several
/// times as long for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
