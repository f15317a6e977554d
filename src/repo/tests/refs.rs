//! Branches, tags and squashed histories, against git.

use super::*;

#[tokio::test]
async fn branches_stand_beside_each_other_as_in_git() {
    let house = House::new().await;
    let id: crate::domain::RepoUid = house.space.into();
    let branch = async |name: &str, from: Option<&str>| {
        house
            .repos
            .create_branch(id, name.to_owned(), from.map(str::to_owned), house.room())
            .await
    };
    let early = branch("dev", None).await;
    assert!(
        matches!(early, Err(RepoError::RevisionNotFound(_))),
        "{early:?}"
    );
    let first = house.commit(None, &[Put("a", b"1")]).await.unwrap();
    house.commit(None, &[Put("a", b"2")]).await.unwrap();
    branch("dev/x", Some(first.as_str())).await.unwrap();
    for taken in ["dev/x", "dev", "dev/x/y", "main"] {
        let refused = branch(taken, None).await;
        assert!(
            matches!(refused, Err(RepoError::Taken(_))),
            "{taken}: {refused:?}"
        );
    }
    let commit = "a".repeat(40);
    for bad in [
        "", ".", "a..b", "a b", "x.lock", "-", "main/x", "HEAD", "refs/x", "a/", "/a", "a\0",
        "../x", &commit,
    ] {
        let refused = branch(bad, None).await;
        // A hyphen at the beginning is a bad idea, not a bad name.
        let fine = bad == "-" && refused.is_ok();
        assert!(
            fine || matches!(refused, Err(RepoError::Refused(_))),
            "{bad:?}: {refused:?}"
        );
    }
    assert_eq!(house.git(&["rev-parse", "dev/x"]).trim(), first.as_str());
    house
        .repos
        .delete_branch(id, "dev/x".to_owned())
        .await
        .unwrap();
    let twice = house.repos.delete_branch(id, "dev/x".to_owned()).await;
    assert!(
        matches!(twice, Err(RepoError::RevisionNotFound(_))),
        "{twice:?}"
    );
    // The folder it left is in nobody's way.
    branch("dev", None).await.unwrap();
    house.git(&["fsck", "--strict"]);
}

#[tokio::test]
async fn tags_and_squashes_are_what_git_makes_of_them() {
    let house = House::new().await;
    let id: crate::domain::RepoUid = house.space.into();
    house.commit(None, &[Put("a", b"1")]).await.unwrap();
    let head = house.commit(None, &[Put("b", b"2")]).await.unwrap();
    let tag = |name: &str, message: &str| NewTag {
        name: name.to_owned(),
        revision: MAIN.to_owned(),
        message: message.to_owned(),
        author: "ann".to_owned(),
    };
    house
        .repos
        .create_tag(id, tag("light", ""), house.room())
        .await
        .unwrap();
    house
        .repos
        .create_tag(id, tag("said", "the second"), house.room())
        .await
        .unwrap();
    assert_eq!(house.git(&["cat-file", "-t", "light"]).trim(), "commit");
    assert_eq!(house.git(&["cat-file", "-t", "said"]).trim(), "tag");
    assert_eq!(
        house.git(&["rev-parse", "said^{commit}"]).trim(),
        head.as_str()
    );
    let squashed = house
        .repos
        .squash(
            id,
            MAIN.to_owned(),
            "All".to_owned(),
            "ann".to_owned(),
            house.room(),
        )
        .await
        .unwrap();
    assert_eq!(house.git(&["rev-list", "--count", "main"]).trim(), "1");
    assert_eq!(house.files(&squashed), house.files(&head));
    house.git(&["fsck", "--strict"]);
}

#[tokio::test]
async fn a_copy_is_its_own_from_the_first_commit_on() {
    let house = House::new().await;
    let head = house.commit(None, &[Put("a", b"1")]).await.unwrap();
    let copy = SpaceId::new();
    house.create(copy).await;
    let copied = house
        .repos
        .copy(house.space.into(), copy.into(), house.room())
        .await
        .unwrap();
    assert_eq!(copied.as_ref(), Some(&head));
    house.commit(None, &[Put("a", b"2")]).await.unwrap();
    house.repos.delete(house.space).await.unwrap();
    let repo = house.repos.open(copy).unwrap();
    assert_eq!(repo.read(&head, "a", 10).unwrap(), b"1");
    assert_eq!(repo.head().unwrap(), Some(head));
}

#[tokio::test]
async fn folders_of_names_count_and_are_not_deep() {
    let house = House::new().await;
    house.commit(None, &[Put("a", b"a")]).await.unwrap();
    let create = |name: String| {
        let (repos, room) = (&house.repos, house.room());
        repos.create_branch(house.space.into(), name, None, room)
    };
    let disk = async || {
        let measured = house.repos.disk(house.space.into(), &house.ledger).await;
        measured.unwrap().0
    };
    let deep = |parts: usize| vec!["x"; parts].join("/");
    assert!(matches!(create(deep(17)).await, Err(RepoError::Refused(_))));
    let account = house.ledger.owner(house.owner);
    let (used, before) = (account.disk.used(), disk().await);
    create(deep(16)).await.unwrap();
    let after = disk().await;
    assert_eq!(after.files - before.files, 16, "15 folders and a file");
    assert_eq!(account.disk.used() - used, after.bytes - before.bytes);
}
