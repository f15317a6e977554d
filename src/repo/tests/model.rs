//! Random commits against a plain map.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Put(String, Vec<u8>),
    Delete(String),
    DeleteFolder(String),
}

fn step() -> impl Strategy<Value = Step> {
    // Few names, so that they meet.
    let path = || {
        "[abc](/[abc.]-?[ab]?){0,3}".prop_filter("clean", |path| path.parse::<FilePath>().is_ok())
    };
    prop_oneof![
        4 => (path(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(path, bytes)| Step::Put(path, bytes)),
        2 => path().prop_map(Step::Delete),
        1 => path().prop_map(Step::DeleteFolder),
    ]
}

/// What the step does to a plain map; `false` when it is impossible.
fn apply(model: &mut BTreeMap<String, Vec<u8>>, step: &Step) -> bool {
    let below = |folder: &str, path: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    match step {
        Step::Put(path, bytes) => {
            let clash = model
                .keys()
                .any(|other| below(path, other) || below(other, path));
            if !clash {
                model.insert(path.clone(), bytes.clone());
            }
            !clash
        }
        Step::Delete(path) => model.remove(path).is_some(),
        Step::DeleteFolder(path) => {
            let before = model.len();
            model.retain(|other, _| !below(path, other));
            model.len() < before
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn commits_equal_a_model(commits in prop::collection::vec(prop::collection::vec(step(), 1..6), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let house = House::new().await;
            let mut model = BTreeMap::new();
            let mut history = Vec::new();
            for steps in &commits {
                let mut next = model.clone();
                let possible = steps.iter().all(|step| apply(&mut next, step));
                let changes: Vec<_> = steps.iter().map(|step| match step {
                    Step::Put(path, bytes) => Put(path, bytes),
                    Step::Delete(path) => Delete(path),
                    Step::DeleteFolder(path) => DeleteFolder(path),
                }).collect();
                let done = house.commit(None, &changes).await;
                // The first commit must bring something.
                let possible = possible && !(history.is_empty() && next.is_empty());
                assert_eq!(done.is_ok(), possible, "{done:?}");
                if let Ok(revision) = done {
                    model = next;
                    history.push((revision, model.clone()));
                }
            }
            for (revision, files) in &history {
                assert_eq!(&house.files(revision), files);
            }
            if !history.is_empty() {
                assert_eq!(house.git(&["fsck", "--strict"]), "");
            }
        });
    }
}
