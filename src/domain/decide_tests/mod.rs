mod properties;

use super::*;
use crate::domain::{BlockedBy, BuildError, Fault, Resource, Revision};

fn revision() -> Revision {
    "0123456789012345678901234567890123456789"
        .parse()
        .expect("forty digits")
}

fn build(state: BuildState) -> BuildFacts {
    BuildFacts {
        id: BuildId::new(),
        revision: revision(),
        state,
        cached: true,
        tries: 0,
        artifact: None,
        error: (state == BuildState::Failed).then(|| BuildError {
            fault: Fault::Author,
            message: String::new(),
        }),
        created_at: 0,
        finished_at: None,
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        desired: Desired::Running,
        restarts: 0,
        newest: None,
        good: None,
        building: None,
        instances: Vec::new(),
        demand: false,
        asleep: false,
        sleep_after: None,
        freeze_after: None,
        give_way: false,
        full_until: None,
        blocked: None,
        place: None,
        in_place: false,
    }
}

fn blocked() -> Blocked {
    Blocked {
        by: BlockedBy::Owner,
        resource: Resource::Instances,
        wanted: 1,
        used: 1,
        limit: 1,
    }
}

/// A Space whose newest version is built, and that build.
fn built() -> (Snapshot, BuildFacts) {
    let good = build(BuildState::Succeeded);
    let facts = Snapshot {
        newest: Some(good.clone()),
        good: Some(good.clone()),
        ..snapshot()
    };
    (facts, good)
}

/// The same, once everything has been done for it.
fn running() -> Snapshot {
    let (mut facts, _) = built();
    settle(&mut facts);
    facts
}

/// Does all there is to do.
fn settle(facts: &mut Snapshot) {
    while let Next::Do(action) = decide(facts, 0) {
        apply(facts, &action, 0);
    }
}

/// Carries out a decision on the snapshot the way a supervisor whose every action succeeds would.
fn apply(snapshot: &mut Snapshot, action: &Action, now: Millis) {
    match action {
        Action::Build(_) => {
            let newest = snapshot.newest.as_mut().expect("built the newest");
            newest.state = BuildState::Succeeded;
            snapshot.good = Some(newest.clone());
        }
        Action::CancelBuild(_) => snapshot.building = None,
        Action::Start(id) => {
            snapshot.asleep = false;
            snapshot.instances.push(InstanceFacts {
                id: InstanceId::new(),
                build: *id,
                restarts: snapshot.restarts,
                state: InstanceState::Ready {
                    idle_since: Some(now),
                    visited: false,
                    routed: false,
                    frozen: false,
                    draining_since: None,
                },
            });
        }
        Action::Route(id) => {
            snapshot.demand = false;
            for instance in &mut snapshot.instances {
                if let InstanceState::Ready {
                    routed,
                    draining_since,
                    ..
                } = &mut instance.state
                {
                    let mine = instance.id == *id;
                    if *routed && !mine {
                        *draining_since = Some(now);
                    }
                    *routed = mine;
                }
            }
        }
        Action::Freeze(id) | Action::Thaw(id) => {
            for instance in &mut snapshot.instances {
                if instance.id == *id
                    && let InstanceState::Ready { routed, frozen, .. } = &mut instance.state
                {
                    *frozen = matches!(action, Action::Freeze(_));
                    *routed = false;
                }
            }
        }
        Action::Stop(id) | Action::Sleep(id) => {
            snapshot.asleep |= matches!(action, Action::Sleep(_));
            snapshot.instances.retain(|instance| instance.id != *id);
        }
        Action::Delete => {}
    }
}

#[test]
fn a_publish_builds_starts_and_routes() {
    let mut facts = snapshot();
    facts.newest = Some(build(BuildState::Queued));
    let mut steps = Vec::new();
    while let Next::Do(action) = decide(&facts, 0) {
        apply(&mut facts, &action, 0);
        steps.push(action);
    }
    assert!(
        matches!(
            steps[..],
            [Action::Build(_), Action::Start(_), Action::Route(_)]
        ),
        "{steps:?}"
    );
}

#[test]
fn a_newer_publish_cancels_the_build_under_way() {
    let mut facts = snapshot();
    let old = BuildId::new();
    facts.newest = Some(build(BuildState::Queued));
    facts.building = Some(old);
    assert_eq!(decide(&facts, 0), Next::Do(Action::CancelBuild(old)));
}

#[test]
fn an_idle_space_sleeps_and_a_visitor_wakes_it() {
    let (mut facts, good) = built();
    facts.sleep_after = Some(Duration::from_secs(60));
    settle(&mut facts);
    assert_eq!(decide(&facts, 59_999), Next::WaitUntil(60_000));
    let Next::Do(action @ Action::Sleep(_)) = decide(&facts, 60_000) else {
        panic!("did not sleep");
    };
    apply(&mut facts, &action, 60_000);
    assert_eq!(decide(&facts, 60_001), Next::Wait);
    facts.demand = true;
    assert_eq!(decide(&facts, 60_002), Next::Do(Action::Start(good.id)));
}

#[test]
fn an_idle_container_is_frozen_first_and_thawed_for_a_visitor() {
    let (mut facts, _) = built();
    facts.freeze_after = Some(Duration::from_secs(10));
    facts.sleep_after = Some(Duration::from_secs(60));
    settle(&mut facts);
    assert_eq!(decide(&facts, 0), Next::WaitUntil(10_000));
    let Next::Do(action @ Action::Freeze(_)) = decide(&facts, 10_000) else {
        panic!("not frozen");
    };
    apply(&mut facts, &action, 10_000);
    assert_eq!(decide(&facts, 10_001), Next::WaitUntil(60_000));
    facts.demand = true;
    for expected in [Action::Thaw, Action::Route] {
        let id = facts.instances[0].id;
        assert_eq!(decide(&facts, 10_002), Next::Do(expected(id)));
        apply(&mut facts, &expected(id), 10_002);
    }
}

#[test]
fn who_is_asked_to_give_way_sleeps_at_once_unless_in_use() {
    let mut facts = running();
    facts.give_way = true;
    assert!(matches!(decide(&facts, 1), Next::Do(Action::Sleep(_))));
    if let InstanceState::Ready { idle_since, .. } = &mut facts.instances[0].state {
        *idle_since = None;
    }
    assert_eq!(decide(&facts, 1), Next::Wait);
}

#[test]
fn a_space_that_once_crashed_sleeps_like_any_other() {
    let (mut facts, good) = built();
    facts.instances = vec![InstanceFacts {
        id: InstanceId::new(),
        build: good.id,
        restarts: 0,
        state: InstanceState::Ended {
            reason: ExitReason::Lost,
            at: 0,
            failures: 1,
        },
    }];
    facts.asleep = true;
    assert_eq!(decide(&facts, 10_000), Next::Wait);
    facts.demand = true;
    assert_eq!(decide(&facts, 10_000), Next::Do(Action::Start(good.id)));
}

#[test]
fn where_there_is_no_room_a_start_waits() {
    let (mut facts, good) = built();
    facts.full_until = Some(500);
    assert_eq!(decide(&facts, 0), Next::WaitUntil(500));
    assert_eq!(decide(&facts, 500), Next::Do(Action::Start(good.id)));
}

#[test]
fn what_the_server_fails_is_tried_for_ever_and_what_an_app_does_is_not() {
    let (mut facts, good) = built();
    for (reason, tried) in [
        (ExitReason::ServerFailed, true),
        (ExitReason::Exposed("open".into()), true),
        (ExitReason::Lost, false),
    ] {
        let mut ended = running().instances.remove(0);
        ended.build = good.id;
        ended.restarts = facts.restarts;
        ended.state = InstanceState::Ended {
            reason,
            at: 0,
            failures: 10 * MAX_FAILURES,
        };
        facts.instances = vec![ended];
        let next = decide(&facts, 5 * 60 * 1000);
        let expected = if tried {
            Next::Do(Action::Start(good.id))
        } else {
            Next::Wait
        };
        assert_eq!(next, expected);
    }
}

#[test]
fn a_refused_start_is_no_failure_and_goes_on_when_there_is_room_or_somebody_wants_it() {
    let (mut facts, good) = built();
    facts.full_until = Some(500);
    facts.blocked = Some(blocked());
    // However often it was refused.
    for _ in 0..2 * MAX_FAILURES {
        assert_eq!(decide(&facts, 600), Next::WaitUntil(500 + BLOCKED_MILLIS));
    }
    facts.demand = true;
    assert_eq!(decide(&facts, 400), Next::WaitUntil(500));
    assert_eq!(decide(&facts, 600), Next::Do(Action::Start(good.id)));
    (facts.demand, facts.asleep) = (false, true);
    assert_eq!(decide(&facts, 1_000_000), Next::Wait);
    (facts.blocked, facts.asleep) = (None, false);
    assert_eq!(decide(&facts, 600), Next::Do(Action::Start(good.id)));
}

#[test]
fn where_two_versions_do_not_fit_the_new_one_takes_the_place_of_the_old() {
    let mut facts = running();
    let serving = facts.instances[0].id;
    let new = build(BuildState::Succeeded);
    facts.newest = Some(new.clone());
    facts.good = Some(new.clone());
    facts.in_place = true;
    facts.full_until = Some(500);
    assert_eq!(decide(&facts, 0), Next::Do(Action::Stop(serving)));
    apply(&mut facts, &Action::Stop(serving), 0);
    assert_eq!(decide(&facts, 500), Next::Do(Action::Start(new.id)));
}

#[test]
fn a_crash_is_retried_later_and_later_and_then_no_more() {
    let (mut facts, good) = built();
    let mut waits = Vec::new();
    for failures in 1..=MAX_FAILURES {
        facts.instances = vec![InstanceFacts {
            id: InstanceId::new(),
            build: good.id,
            restarts: 0,
            state: InstanceState::Ended {
                reason: ExitReason::Lost,
                at: 0,
                failures,
            },
        }];
        waits.push(decide(&facts, 0));
    }
    let expected = [1000, 2000, 4000, 8000, 16000].map(Next::WaitUntil);
    assert_eq!(waits[..5], expected);
    assert_eq!(waits[5], Next::Wait);
}

#[test]
fn what_the_server_failed_for_good_is_tried_again_and_what_its_author_has_to_mend_is_not() {
    let mut facts = snapshot();
    let mut failed = build(BuildState::Failed);
    (failed.tries, failed.finished_at) = (3, Some(1000));
    facts.newest = Some(failed.clone());
    assert_eq!(decide(&facts, 1_000_000), Next::Wait);

    failed.error = Some(BuildError::server("no engine"));
    facts.newest = Some(failed.clone());
    assert_eq!(decide(&facts, 2000), Next::WaitUntil(31_000));
    assert_eq!(decide(&facts, 31_000), Next::Do(Action::Build(failed.id)));
    failed.tries = 1000;
    facts.newest = Some(failed);
    assert_eq!(decide(&facts, 2000), Next::WaitUntil(301_000));
}

#[test]
fn an_older_instance_drains_before_it_stops() {
    let mut facts = snapshot();
    let (old, new) = (build(BuildState::Succeeded), build(BuildState::Succeeded));
    facts.newest = Some(new.clone());
    facts.good = Some(new.clone());
    let busy = InstanceState::Ready {
        idle_since: None,
        visited: true,
        routed: false,
        frozen: false,
        draining_since: Some(0),
    };
    let current = InstanceState::Ready {
        idle_since: None,
        visited: true,
        routed: true,
        frozen: false,
        draining_since: None,
    };
    let instance = |build: &BuildFacts, state| InstanceFacts {
        id: InstanceId::new(),
        build: build.id,
        restarts: 0,
        state,
    };
    facts.instances = vec![instance(&old, busy), instance(&new, current)];
    let old_id = facts.instances[0].id;
    assert_eq!(decide(&facts, 1), Next::WaitUntil(DRAIN_MILLIS));
    assert_eq!(decide(&facts, DRAIN_MILLIS), Next::Do(Action::Stop(old_id)));
}

#[test]
fn whoever_is_not_first_in_the_queue_waits_to_be_told() {
    let (mut facts, good) = built();
    facts.place = Some(2);
    assert_eq!(decide(&facts, 0), Next::Wait);
    facts.place = Some(1);
    assert_eq!(decide(&facts, 0), Next::Do(Action::Start(good.id)));
    facts.full_until = Some(500);
    assert_eq!(decide(&facts, 0), Next::WaitUntil(500));
}
