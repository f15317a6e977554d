use std::sync::atomic::AtomicUsize;

use super::super::thread::thread_cpu;
use super::*;
use crate::domain::{AccountId, Limits, Quota, SpaceId};
use crate::ledger::{Ledger, LedgerLimits};

fn ledger() -> Ledger {
    ledger_with(1.0)
}

fn ledger_with(cpu_spare: f64) -> Ledger {
    Ledger::new(LedgerLimits {
        host_memory: u64::MAX,
        host_cpu: u64::MAX,
        quota: Quota::UNLIMITED,
        cpu_burst: 1_000_000,
        cpu_spare,
        builds: crate::ledger::Lanes::of_each(1),
    })
}

fn account(ledger: &Ledger, cpu_millis: u32) -> Arc<WorkloadAccount> {
    let limits = Limits {
        cpu_millis,
        memory_bytes: u64::MAX,
    };
    ledger.workload(SpaceId::new(), AccountId::new(), limits)
}

fn scheduler(threads: usize) -> Scheduler {
    let settings = SchedulerSettings {
        threads,
        tick: Duration::from_millis(1),
    };
    Scheduler::start(&Engine::default(), &settings).expect("threads start")
}

/// Burns CPU for that long, as a guest between two yields does.
fn burn(time: Duration) {
    let until = thread_cpu() + u64::try_from(time.as_nanos()).expect("short");
    while thread_cpu() < until {}
}

async fn pause() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_never_has_more_threads_than_its_share() {
    let scheduler = scheduler(4);
    let group = scheduler.group(account(&ledger(), 1000));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            group.spawn(async move {
                for _ in 0..3 {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    burn(Duration::from_micros(100));
                    running.fetch_sub(1, Ordering::SeqCst);
                    pause().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await;
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_goes_before_those_who_have_used_more() {
    let scheduler = scheduler(1);
    let ledger = ledger();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |who: &'static str| {
        let order = Arc::clone(&order);
        move || order.lock().push(who)
    };
    let hog = scheduler.group(account(&ledger, 64_000));
    let output = note("hog");
    let gate = Arc::new(AtomicUsize::new(0));
    let opened = Arc::clone(&gate);
    let first = hog.spawn(async move {
        burn(Duration::from_millis(30));
        opened.store(1, Ordering::SeqCst);
        burn(Duration::from_millis(30));
        pause().await;
        output();
    });
    while gate.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let newcomer = scheduler.group(account(&ledger, 1000));
    let output = note("newcomer");
    let second = newcomer.spawn(async move { output() });
    first.await;
    second.await;
    assert_eq!(*order.lock(), ["newcomer", "hog"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_task_frees_what_it_holds() {
    struct Held(Arc<AtomicUsize>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let scheduler = scheduler(1);
    let group = scheduler.group(account(&ledger(), 1000));
    let dropped = Arc::new(AtomicUsize::new(0));
    let held = Held(Arc::clone(&dropped));
    let task = group.spawn(async move {
        let _held = held;
        std::future::pending::<()>().await;
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    drop(task);
    for _ in 0..1000 {
        if dropped.load(Ordering::SeqCst) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("still held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_one_task_and_no_thread() {
    let scheduler = scheduler(1);
    let group = scheduler.group(account(&ledger(), 1000));
    drop(group.spawn(async { panic!("planted") }));
    assert_eq!(group.spawn(async { 7 }).await, 7);
}

/// A guest that computes and never calls the host, on a thread of its own.
fn spin(engine: &Engine, group: &Arc<Group>) -> Task<()> {
    let module = "(module (func (export \"spin\") (loop (br 0))))";
    let module =
        wasmtime::Module::new(engine, wat::parse_str(module).expect("valid")).expect("compiles");
    let mut store = wasmtime::Store::new(engine, Arc::clone(group));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context| {
        Ok(if context.data().checkpoint() {
            wasmtime::UpdateDeadline::YieldCustom(1, Box::pin(pause()))
        } else {
            wasmtime::UpdateDeadline::Continue(1)
        })
    });
    group.spawn(async move {
        let instance = wasmtime::Instance::new_async(&mut store, &module, &[])
            .await
            .expect("fits");
        let spin = instance
            .get_typed_func::<(), ()>(&mut store, "spin")
            .expect("is there");
        let _ = spin.call_async(&mut store, ()).await;
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_does_not_wait_for_the_clock() {
    let engine = Engine::new(&crate::wasm_engine::config()).expect("sound");
    let settings = SchedulerSettings {
        threads: 2,
        tick: Duration::from_millis(500),
    };
    let scheduler = Scheduler::start(&engine, &settings).expect("threads start");
    let ledger = Ledger::new(LedgerLimits {
        host_memory: u64::MAX,
        host_cpu: u64::MAX,
        quota: Quota::UNLIMITED,
        cpu_burst: 60_000_000_000,
        cpu_spare: 1.0,
        builds: crate::ledger::Lanes::of_each(1),
    });
    let groups: Vec<_> = (0..6)
        .map(|_| scheduler.group(account(&ledger, 250)))
        .collect();
    let guests: Vec<_> = groups.iter().map(|group| spin(&engine, group)).collect();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let newcomer = scheduler.group(account(&ledger, 1000));
    let mut waits = Vec::new();
    for _ in 0..20 {
        let asked = Instant::now();
        newcomer.spawn(async {}).await;
        waits.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    waits.sort();
    let (floor, first) = {
        let state = scheduler.shared.lock();
        (state.floor, state.eligible.first().copied())
    };
    assert!(
        waits[10] < Duration::from_millis(100),
        "{waits:?} {floor} {first:?}"
    );
    drop(guests);
}

/// CPU time of each account while both spin beside each other, in parts of the time that passes.
async fn shares(
    engine: &Engine,
    scheduler: &Scheduler,
    accounts: &[Arc<WorkloadAccount>],
) -> Vec<f64> {
    let groups: Vec<_> = accounts
        .iter()
        .map(|account| scheduler.group(Arc::clone(account)))
        .collect();
    let _guests: Vec<_> = groups.iter().map(|group| spin(engine, group)).collect();
    // What was saved is spent first.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let used = |account: &WorkloadAccount| account.usage.cpu_nanos.load(Ordering::Relaxed) as f64;
    let (before, began): (Vec<_>, _) = (
        accounts.iter().map(|account| used(account)).collect(),
        Instant::now(),
    );
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let time = began.elapsed().as_nanos() as f64;
    let spent = accounts.iter().zip(before);
    spent
        .map(|(account, before)| (used(account) - before) / time)
        .collect()
}

mod alone {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn spare_time_goes_to_who_wants_it_and_costs_no_guaranteed_time() {
        let engine = Engine::new(&crate::wasm_engine::config()).expect("sound");
        let settings = SchedulerSettings {
            threads: 1,
            tick: Duration::from_millis(1),
        };
        let scheduler = Scheduler::start(&engine, &settings).expect("threads start");
        let kept = account(&ledger(), 250);
        let alone = shares(&engine, &scheduler, &[kept]).await[0];
        assert!((0.2..0.3).contains(&alone), "its rate and no more: {alone}");

        let ledger = ledger_with(3.0);
        let greedy = account(&ledger, 250);
        let alone = shares(&engine, &scheduler, &[Arc::clone(&greedy)]).await[0];
        assert!((0.5..0.8).contains(&alone), "three times its rate: {alone}");

        // The one that had all of it is not behind for it, and the other has what is its own at once.
        let other = account(&ledger, 600);
        let both = shares(&engine, &scheduler, &[greedy, other]).await;
        assert!(both[0] > 0.2, "{both:?}");
        assert!(both[1] > 0.5, "{both:?}");
        assert!(both[0] + both[1] > 0.8, "nothing is left lying: {both:?}");
    }
}
