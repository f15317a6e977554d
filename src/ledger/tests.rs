use super::*;
use crate::domain::SpaceId;
use crate::net::Traffic;

const SECOND: u64 = 1_000_000_000;

fn quota() -> Quota {
    Quota {
        spaces: 10,
        models: 10,
        datasets: 10,
        instances: 3,
        cpu_millis: 4000,
        memory_bytes: 1 << 30,
        disk_bytes: 1 << 30,
        disk_files: 1000,
        builds: 1,
        cpu_seconds_per_day: 5,
        build_minutes_per_day: 2,
        egress_bytes_per_day: 1000,
    }
}

fn ledger(builds: usize) -> Ledger {
    Ledger::new(LedgerLimits {
        host_memory: 2 << 30,
        host_cpu: 6000,
        quota: quota(),
        cpu_burst: SECOND,
        cpu_spare: 1.0,
        builds: Lanes::of_each(builds),
    })
}

fn limits(cpu_millis: u32) -> Limits {
    Limits {
        cpu_millis,
        memory_bytes: 64 << 20,
    }
}

async fn permit(ledger: &Ledger, owner: AccountId) -> BuildPermit {
    let permit = ledger.build_permit(owner, Lane::Images, 0, |_| ());
    permit.await.expect("it asks for no memory")
}

#[test]
fn a_place_is_taken_in_all_tiers_or_in_none() {
    let ledger = ledger(1);
    let page = || ledger.workload(SpaceId::new(), AccountId::new(), limits(1000));
    let (ann, bob) = (page(), page());
    let first = ContainerSlot::take(&ann, limits(3000)).expect("room");
    let refused = ContainerSlot::take(&ann, limits(2000)).expect_err("its CPU");
    assert_eq!(
        (refused.resource, refused.tier),
        (Resource::Cpu, Tier::Owner)
    );
    assert_eq!(
        (refused.used, refused.limit, refused.wanted),
        (3000, 4000, 2000)
    );
    assert_eq!(ann.owner.instances.used(), 1, "nothing of it is held");
    let again = |resource| ann.owner.still_refuses(resource, limits(2000), now());
    assert_eq!(again(Resource::Cpu), Some(refused));
    assert_eq!(again(Resource::Memory), None);
    let second = ContainerSlot::take(&bob, limits(3000)).expect("room");
    let refused = ContainerSlot::take(&bob, limits(1000)).expect_err("the host's CPU");
    assert_eq!(
        (refused.resource, refused.tier),
        (Resource::Cpu, Tier::Host)
    );
    assert_eq!(
        (ledger.host_cpu().used(), bob.owner.cpu.used()),
        (6000, 3000)
    );
    assert_eq!(ledger.host().used(), 128 << 20);
    drop((first, second));
    assert_eq!(
        (
            ledger.host_cpu().used(),
            ann.owner.cpu.used(),
            bob.owner.instances.used(),
            ledger.host().used(),
        ),
        (0, 0, 0, 0)
    );
    // One that runs already is held whatever the quota says, and refuses others.
    let running = ContainerSlot::of_running(&ann, limits(9000));
    assert!(ContainerSlot::take(&ann, limits(1)).is_err());
    drop(running);
    assert!(again(Resource::Cpu).is_none());
}

#[test]
fn what_a_space_used_is_collected_once_even_when_it_is_gone() {
    let ledger = ledger(1);
    let (space, owner) = (SpaceId::new(), AccountId::new());
    let account = ledger.workload(space, owner, limits(250));
    let traffic = Arc::new(Traffic::default());
    account.count(&traffic);
    account.count(&traffic);
    traffic.sent(10);
    account.charge(2_500_000);
    for booking in ledger.collect() {
        assert_eq!(
            (booking.counts.cpu_micros, booking.counts.bytes_out),
            (2500, 10)
        );
        booking.stored();
    }
    assert!(ledger.collect().is_empty());
    traffic.sent(1);
    // Not stored: it comes again, together with what is new.
    assert_eq!(ledger.collect().len(), 1);
    ledger.forget(space);
    account.charge(1_000_000);
    drop(account);
    let last: Vec<_> = ledger.collect();
    assert_eq!(
        (last[0].counts.bytes_out, last[0].counts.cpu_micros),
        (1, 1000)
    );
    last.into_iter().for_each(UsageDelta::stored);
    assert!(ledger.collect().is_empty());
    assert!(ledger.0.closed.lock().is_empty());
}

#[test]
fn a_space_with_a_new_owner_is_charged_to_it() {
    let ledger = ledger(1);
    let (space, ann, bob) = (SpaceId::new(), AccountId::new(), AccountId::new());
    ledger.workload(space, ann, limits(250)).charge(5);
    ledger.workload(space, bob, limits(250)).charge(7);
    assert_eq!(ledger.owner(ann).cpu_nanos(), 5);
    assert_eq!(ledger.owner(bob).cpu_nanos(), 7);
    assert_eq!(ledger.cpu_nanos(), 12);
}

#[test]
fn an_owner_below_the_machine_is_rationed_over_all_its_spaces() {
    let ledger = ledger(1);
    let owner = AccountId::new();
    ledger.owner(owner).set_quota(&Quota {
        cpu_millis: 1,
        ..quota()
    });
    let (one, other) = (SpaceId::new(), SpaceId::new());
    let one = ledger.workload(one, owner, limits(8000));
    let other = ledger.workload(other, owner, limits(8000));
    assert_eq!(other.wait(), 0);
    one.charge(200 * SECOND);
    assert!(other.wait() > SECOND, "its owner has nothing left");
}

#[test]
fn a_day_can_be_spent() {
    let ledger = ledger(1);
    let owner = ledger.owner(AccountId::new());
    let account = ledger.workload(SpaceId::new(), owner.owner, limits(1000));
    let today = now();
    assert!(!owner.look_at_the_day(today));
    let carried = UsageCounts {
        cpu_micros: 4_000_000,
        build_millis: 60_000,
        bytes_out: 400,
        ..UsageCounts::default()
    };
    owner.carry(today, &carried);
    account.charge(SECOND);
    let (cpu, sent) = (Resource::CpuSecondsPerDay, Resource::EgressBytesPerDay);
    assert!(owner.look_at_the_day(today));
    assert_eq!(
        (owner.is_spent(true), owner.is_spent(false)),
        (Some(cpu), None)
    );
    let refused = owner.refused_today(today).expect("it is spent");
    assert_eq!((refused.resource, refused.used, refused.limit), (cpu, 5, 5));
    assert!(owner.look_at_the_day(Day::end(today)) && owner.is_spent(true).is_none());
    owner.carry(today, &carried);
    owner.built(59_999);
    owner.sent(599);
    owner.look_at_the_day(today);
    assert!(!owner.is_built_out() && owner.is_spent(false).is_none());
    owner.built(1);
    owner.sent(1);
    assert!(owner.look_at_the_day(today) && owner.is_built_out());
    assert_eq!(owner.is_spent(false), Some(sent));
}

#[tokio::test]
async fn one_that_may_not_build_today_keeps_nobody_waiting() {
    let ledger = ledger(1);
    let (spent, other) = (AccountId::new(), AccountId::new());
    let owner = ledger.owner(spent);
    owner.built(2 * 60_000);
    owner.look_at_the_day(now());
    let waits = tokio::spawn({
        let ledger = ledger.clone();
        async move { permit(&ledger, spent).await }
    });
    let patience = Duration::from_secs(5);
    let permit = tokio::time::timeout(patience, permit(&ledger, other)).await;
    drop(permit.expect("it does not wait for one that may not build"));
    assert!(!waits.is_finished());
    owner.look_at_the_day(Day::end(now()));
    ledger.builds_look_again();
    let permit = tokio::time::timeout(patience, waits).await;
    permit
        .expect("it is the next day")
        .expect("it does not panic");
}

#[tokio::test]
async fn owners_take_turns_in_building() {
    let ledger = ledger(1);
    let (greedy, modest) = (AccountId::new(), AccountId::new());
    let first = permit(&ledger, greedy).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for owner in [greedy, greedy, greedy, modest] {
        let (ledger, order) = (ledger.clone(), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let permit = permit(&ledger, owner).await;
            order.lock().push(owner);
            drop(permit);
        }));
        tokio::task::yield_now().await;
    }
    assert_eq!(ledger.builds(), (1, 4));
    drop(first);
    for task in tasks {
        task.await.expect("no panic");
    }
    let order = order.lock().clone();
    // For nothing but what was under way.
    assert_eq!(order[0], modest, "{order:?}");
    assert_eq!(ledger.builds(), (0, 0));
}

#[tokio::test]
async fn one_with_all_its_builds_under_way_holds_up_nobody() {
    let ledger = ledger(2);
    let (greedy, modest) = (AccountId::new(), AccountId::new());
    let _first = permit(&ledger, greedy).await;
    let waiting = tokio::spawn({
        let ledger = ledger.clone();
        async move { permit(&ledger, greedy).await }
    });
    tokio::task::yield_now().await;
    let permit = tokio::time::timeout(Duration::from_secs(5), permit(&ledger, modest)).await;
    assert!(permit.is_ok() && !waiting.is_finished());
    waiting.abort();
}

#[tokio::test]
async fn a_long_build_keeps_no_shorter_kind_waiting() {
    let ledger = ledger(1);
    let owner = AccountId::new();
    let _image = permit(&ledger, owner).await;
    let files = ledger.build_permit(owner, Lane::Files, 0, |_| ());
    let files = tokio::time::timeout(Duration::from_secs(5), files).await;
    drop(files.expect("files are in no line with images"));
    // Of an owner's builds at once, those of all lanes are one sum.
    let wasm = ledger.build_permit(AccountId::new(), Lane::Wasm, 0, |_| ());
    let wasm = tokio::time::timeout(Duration::from_secs(5), wasm).await;
    drop(wasm.expect("nor are modules"));
    let mut notify = Vec::new();
    let own = ledger.build_permit(owner, Lane::Wasm, 0, |waiting| notify.push(*waiting));
    let own = tokio::time::timeout(Duration::from_millis(50), own).await;
    assert!(
        own.is_err() && notify == [Waiting::Turn { place: 1 }],
        "{notify:?}"
    );
}

#[tokio::test]
async fn what_waits_for_memory_holds_no_permit_and_is_told_what_there_is() {
    let ledger = ledger(1);
    let (full, other) = (AccountId::new(), AccountId::new());
    let mut memory = ledger.owner(full).memory.hold();
    memory.grow(1 << 30).expect("all it has");
    let (sender, mut notify) = tokio::sync::mpsc::unbounded_channel();
    let waits = tokio::spawn({
        let ledger = ledger.clone();
        async move {
            let notify = |waiting: &Waiting| {
                // Nobody listens any more once it was told.
                let _ = sender.send(*waiting);
            };
            ledger
                .build_permit(full, Lane::Images, 1 << 20, notify)
                .await
        }
    });
    let why = notify.recv().await.expect("it is told why it waits");
    assert!(
        matches!(why, Waiting::Room(refused) if refused.tier == Tier::Owner && refused.missing() == 1 << 20),
        "{why:?}"
    );
    let patience = Duration::from_secs(5);
    let another = ledger.build_permit(other, Lane::Images, 1 << 20, |_| ());
    let another = tokio::time::timeout(patience, another).await;
    drop(another.expect("it is not held up").expect("it fits"));
    assert!(!waits.is_finished());
    memory.set(0);
    let permit = tokio::time::timeout(patience, waits).await;
    let permit = permit.expect("there is room").expect("no panic");
    assert_eq!(ledger.host().used(), 1 << 20);
    drop(permit.expect("it fits"));
    assert_eq!(ledger.host().used(), 0);
    // What can never be is refused, and not waited for.
    let never = ledger.build_permit(full, Lane::Images, 2 << 30, |_| ());
    assert!(never.await.is_err());
}
