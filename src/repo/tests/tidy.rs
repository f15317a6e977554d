//! Packing: fewer files, and everything still there.

use std::fs;

use super::*;
use crate::domain::RepoUid;

fn loose(house: &House) -> usize {
    let count = house.git(&["count-objects"]);
    count.split(' ').next().unwrap().parse().unwrap()
}

fn packs(house: &House) -> usize {
    let packs = fs::read_dir(house.git_folder().join("objects/pack")).unwrap();
    packs
        .filter(|file| {
            let name = file.as_ref().unwrap().file_name();
            Path::new(&name)
                .extension()
                .is_some_and(|kind| kind == "pack")
        })
        .count()
}

/// As many files as a repository may hold before it is packed, and some.
const FILES: usize = 2500;

fn many() -> Vec<(String, String)> {
    (0..FILES)
        .map(|n| (format!("f/{n}"), n.to_string()))
        .collect()
}

fn put(files: &[(String, String)]) -> Vec<Edit<'_>> {
    files
        .iter()
        .map(|(path, text)| Put(path, text.as_bytes()))
        .collect()
}

/// Reads some of them.
fn sample(repo: &Repo, at: &Revision) {
    for n in (0..FILES).step_by(250) {
        let bytes = repo.read(at, &format!("f/{n}"), 10).unwrap();
        assert_eq!(bytes, n.to_string().as_bytes());
    }
}

#[tokio::test]
async fn many_objects_become_one_pack_and_all_of_them_stay() {
    let house = House::new().await;
    let few = house.commit(None, &[Put("a", b"a")]).await.unwrap();
    house.repos.tidy().await.unwrap();
    assert_eq!((loose(&house), packs(&house)), (3, 0), "few are left alone");

    let files = many();
    let full = house.commit(Some(&few), &put(&files)).await.unwrap();
    let (id, branch) = (RepoUid::from(house.space), MAIN.to_owned());
    let squashed = house
        .repos
        .squash(id, branch, "all".to_owned(), "ann".to_owned(), house.room());
    let squashed = squashed.await.unwrap();
    house.repos.tidy().await.unwrap();
    // Git leaves some of those that nothing leads to for the next time.
    assert!(loose(&house) < 10);
    assert_eq!(packs(&house), 1);
    let repo = house.repos.open(house.space).unwrap();
    sample(&repo, &squashed);
    // No reference leads to these any more.
    sample(&repo, &full);
    assert_eq!(repo.read(&few, "a", 10).unwrap(), b"a");
    house.git(&["fsck", "--full", "--strict"]);

    let copy = SpaceId::new();
    house.create(copy).await;
    house
        .repos
        .copy(id, copy.into(), house.room())
        .await
        .unwrap();
    let next = house.commit(Some(&squashed), &[Put("a", b"b")]).await;
    sample(&repo, &next.unwrap());
    sample(&house.repos.open(copy).unwrap(), &squashed);
}

#[tokio::test]
async fn those_who_read_and_write_meanwhile_notice_nothing() {
    let house = House::new().await;
    let files = many();
    let mut head = house.commit(None, &put(&files)).await.unwrap();
    let opened_before = house.repos.open(house.space).unwrap();
    let repos = house.repos.clone();
    let packing = tokio::spawn(async move { repos.tidy().await });
    let mut rounds = 0;
    while !packing.is_finished() || rounds < 3 {
        head = house
            .commit(Some(&head), &[Put("x", b"x"), Delete("x")])
            .await
            .unwrap();
        sample(&house.repos.open(house.space).unwrap(), &head);
        rounds += 1;
    }
    packing.await.unwrap().unwrap();
    sample(&opened_before, &head);
}
