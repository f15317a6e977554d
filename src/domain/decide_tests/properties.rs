//! Whatever the facts are.

use proptest::prelude::*;

use super::*;

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let state = || {
        prop_oneof![
            Just(BuildState::Queued),
            Just(BuildState::Running),
            Just(BuildState::Failed),
            Just(BuildState::Succeeded),
        ]
    };
    let desired = prop_oneof![
        Just(Desired::Running),
        Just(Desired::Paused),
        Just(Desired::Deleted)
    ];
    let instance = (
        any::<bool>(),
        0i64..3,
        0i64..100_000,
        any::<[bool; 5]>(),
        0u32..8,
    );
    (
        desired,
        0i64..3,
        proptest::option::of((state(), 0i64..4)),
        any::<bool>(),
        proptest::option::of(any::<bool>()),
        proptest::collection::vec(instance, 0..4),
        any::<[bool; 3]>(),
        proptest::array::uniform2(proptest::option::of(0u64..100_000)),
        proptest::option::of(0i64..10_000_000),
    )
        .prop_map(
            |(
                desired,
                restarts,
                newest,
                older_good,
                building,
                instances,
                [demand, asleep, give_way],
                [sleep, freeze],
                full_until,
            )| {
                let newest = newest.map(|(state, tries)| {
                    let mut facts = build(state);
                    facts.tries = tries;
                    facts.finished_at = (tries > 0).then_some(0);
                    facts
                });
                let good = match &newest {
                    Some(facts) if facts.state == BuildState::Succeeded => Some(facts.clone()),
                    Some(_) if older_good => Some(build(BuildState::Succeeded)),
                    _ => None,
                };
                let other = BuildId::new();
                let instances = instances
                    .into_iter()
                    .map(
                        |(
                            current,
                            restarts,
                            at,
                            [ready, starting, idle, routed, frozen],
                            failures,
                        )| InstanceFacts {
                            id: InstanceId::new(),
                            build: good
                                .as_ref()
                                .filter(|_| current)
                                .map_or(other, |good| good.id),
                            restarts,
                            state: if ready {
                                InstanceState::Ready {
                                    idle_since: (idle || frozen).then_some(at),
                                    visited: !idle,
                                    routed: routed && !frozen,
                                    frozen,
                                    draining_since: (!routed).then_some(at),
                                }
                            } else if starting {
                                InstanceState::Starting
                            } else {
                                InstanceState::Ended {
                                    reason: if idle {
                                        ExitReason::Stopped
                                    } else {
                                        ExitReason::Lost
                                    },
                                    at,
                                    failures,
                                }
                            },
                        },
                    )
                    .collect();
                Snapshot {
                    desired,
                    restarts,
                    building: building.map(|same| match (&newest, same) {
                        (Some(newest), true) => newest.id,
                        _ => other,
                    }),
                    newest,
                    good,
                    instances,
                    demand,
                    asleep,
                    sleep_after: sleep.map(Duration::from_millis),
                    freeze_after: freeze.map(Duration::from_millis),
                    give_way,
                    blocked: full_until.filter(|until| until % 2 == 0).map(|_| blocked()),
                    full_until,
                    place: (give_way && demand).then_some(2),
                    in_place: give_way && asleep,
                }
            },
        )
}

proptest! {
    /// The loop ends: from any facts a supervisor whose actions succeed comes to rest within a few steps.
    #[test]
    fn the_loop_comes_to_rest(mut facts in any_snapshot(), now in 0i64..10_000_000) {
        for _ in 0..24 {
            match decide(&facts, now) {
                Next::Do(Action::Delete) => return Ok(()),
                Next::Do(action) => apply(&mut facts, &action, now),
                Next::WaitUntil(due) => {
                    prop_assert!(due > now, "waits for what is already due");
                    return Ok(());
                }
                Next::Wait => return Ok(()),
            }
        }
        prop_assert!(false, "still busy: {facts:?}");
    }

    #[test]
    fn what_is_not_wanted_is_never_started(facts in any_snapshot(), now in 0i64..10_000_000) {
        if facts.desired != Desired::Running {
            let next = decide(&facts, now);
            let starts = matches!(next, Next::Do(Action::Start(_) | Action::Build(_) | Action::Route(_)));
            prop_assert!(!starts);
        }
    }

    #[test]
    fn the_instance_that_serves_is_stopped_only_to_sleep(facts in any_snapshot(), now in 0i64..10_000_000) {
        if facts.desired == Desired::Running && let Next::Do(Action::Stop(id)) = decide(&facts, now) {
            let wanted = facts.good.as_ref().map(|good| good.id);
            let stopped = facts.instances.iter().find(|instance| instance.id == id).expect("known");
            let newest_current = facts.instances.iter().rfind(|instance| {
                Some(instance.build) == wanted && instance.restarts == facts.restarts
            });
            let starts = stopped.state == InstanceState::Starting;
            let elsewhere = newest_current.is_none_or(|current| current.id != stopped.id);
            prop_assert!(elsewhere && (starts || facts.in_place || newest_current.is_some()));
        }
    }

    #[test]
    fn a_waiting_visitor_is_never_met_by_sleep(mut facts in any_snapshot(), now in 0i64..10_000_000) {
        facts.demand = true;
        prop_assert!(!matches!(decide(&facts, now), Next::Do(Action::Sleep(_) | Action::Freeze(_))));
    }

    /// Whoever waits for a frozen instance gets it: nothing is sent to it before it is thawed.
    #[test]
    fn what_is_frozen_is_thawed_before_it_is_routed_to(facts in any_snapshot(), now in 0i64..10_000_000) {
        if let Next::Do(Action::Route(id)) = decide(&facts, now) {
            let target = facts.instances.iter().find(|instance| instance.id == id).expect("known");
            let frozen = matches!(target.state, InstanceState::Ready { frozen: true, .. });
            prop_assert!(!frozen);
        }
    }
}
