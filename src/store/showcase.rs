//! What the gallery shows: a row for each published Space that is not private, kept in step with the Space, its card
//! and its likes by whoever lists it.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, Arguments, AssertSqlSafe, Transaction};

use super::fields::Fields;
use super::spaces::{read as read_space, select_spaces, space_columns};
use super::{Store, StoreError};
use crate::domain::{Millis, RepoUid, Space, SpaceId};

/// What a Space shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Showing {
    /// Shown name.
    pub title: String,
    /// A character or two.
    pub emoji: String,
    /// One of the Hub's words for a colour.
    pub color_from: String,
    /// The same.
    pub color_to: String,
    /// One sentence, or nothing.
    pub description: String,
    /// Lower case.
    pub tags: Vec<String>,
}

/// A Space in the gallery.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The Space itself.
    pub space: Space,
    /// What it shows; without its tags.
    pub showing: Showing,
    /// How many accounts like it.
    pub likes: i64,
    /// Its place in the order it was asked for: with its identifier, the cursor of what follows.
    pub place: i64,
}

/// An order of the gallery, the first being the one nobody chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By [`trending`].
    #[default]
    Trending,
    /// The youngest Space first.
    New,
    /// The most liked first.
    Likes,
}

/// Which Spaces of the gallery.
#[derive(Debug, Clone, Default)]
pub struct ListShowcase {
    /// In which order.
    pub order: Order,
    /// Only those that have every one of these words in name, title, description or tags, in whatever case.
    pub search: String,
    /// Only those of this SDK.
    pub sdk: Option<String>,
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those after this place.
    pub after: Option<(i64, SpaceId)>,
    /// How many at most.
    pub limit: i64,
}

/// What each doubling of a Space's likes counts for in [`trending`]: three days.
const DOUBLING: f64 = 3.0 * 24.0 * 3600.0 * 1000.0;

/// What [`read_space`] reads.
const SPACE_COLUMNS: &str = space_columns!();

/// The most words of a search that count, and the longest that can be found.
const MAX_WORDS: usize = 8;
const MAX_WORD_BYTES: usize = 100;

/// A Space's place in the order `Trending`: the moment it was last liked, or made if nobody likes it, moved ahead by
/// three days for each doubling of its likes. It needs no clock, so an index can hold it.
fn trending(since: Millis, likes: i64) -> i64 {
    let ahead = DOUBLING * (likes.max(0) as f64 + 1.0).log2();
    since.saturating_add(ahead as i64)
}

// === impl Order ===

impl Order {
    fn column(self) -> &'static str {
        match self {
            Self::Trending => "trending",
            Self::New => "created_at",
            Self::Likes => "likes",
        }
    }
}

// === impl Store ===

impl Store {
    /// Spaces changed since that place, oldest change first, at most `limit`: what a reader of changes reads next.
    /// Those being removed are not among them.
    ///
    /// # Errors
    /// Ours only.
    pub async fn changed_spaces(
        &self,
        since: Millis,
        after: Option<SpaceId>,
        limit: i64,
    ) -> Result<Vec<Space>, StoreError> {
        let after = after.map_or_else(String::new, |id| id.to_string());
        let rows = sqlx::query(select_spaces!(
            "WHERE r.kind = 'space' AND r.removed_at IS NULL AND (r.updated_at, r.id) > ($1, $2) \
             ORDER BY r.updated_at, r.id LIMIT $3"
        ))
        .bind(since)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(read_space).collect()
    }

    /// Whether the gallery shows the Space as it is.
    ///
    /// # Errors
    /// Ours only.
    pub async fn is_shown(&self, space: &Space) -> Result<bool, StoreError> {
        let found: Option<String> = sqlx::query_scalar(
            "SELECT space_id FROM showcase WHERE space_id = $1 AND head = $2 AND visibility = $3 AND sdk = $4",
        )
        .bind(space.id.to_string())
        .bind(space.head.as_ref().map(|head| head.as_str().to_owned()))
        .bind(space.visibility.as_str())
        .bind(space.sdk.clone().unwrap_or_default())
        .fetch_optional(&self.readers)
        .await?;
        Ok(found.is_some())
    }

    /// Puts a Space into the gallery, or takes it out with `None`; whether that changed anything.
    ///
    /// # Errors
    /// Ours only.
    pub async fn show(&self, space: &Space, showing: Option<&Showing>) -> Result<bool, StoreError> {
        let id = space.id.to_string();
        let mut write = self.write().await?;
        let removed = sqlx::query("DELETE FROM showcase WHERE space_id = $1")
            .bind(&id)
            .execute(&mut *write)
            .await?;
        let (Some(showing), Some(head)) = (showing, &space.head) else {
            write.commit().await?;
            return Ok(removed.rows_affected() > 0);
        };
        let tags = showing.tags.join(" ");
        let words = format!(
            "{} {} {} {tags}",
            space.name, showing.title, showing.description
        );
        // A Space that went meanwhile has no row to refer to, and is not shown.
        let inserted = sqlx::query(
            "INSERT INTO showcase (space_id, head, visibility, sdk, title, emoji, color_from, color_to, description, \
             words, likes, trending, created_at) \
             SELECT id, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, created_at, created_at FROM repositories WHERE id = $1",
        )
        .bind(&id)
        .bind(head.as_str())
        .bind(space.visibility.as_str())
        .bind(space.sdk.clone().unwrap_or_default())
        .bind(&showing.title)
        .bind(&showing.emoji)
        .bind(&showing.color_from)
        .bind(&showing.color_to)
        .bind(&showing.description)
        .bind(words.to_lowercase())
        .execute(&mut *write)
        .await?;
        if inserted.rows_affected() > 0 {
            count_likes(&mut write, space.id.into()).await?;
            for tag in &showing.tags {
                sqlx::query("INSERT INTO showcase_tags (space_id, tag) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                    .bind(&id)
                    .bind(tag)
                    .execute(&mut *write)
                    .await?;
            }
        }
        write.commit().await?;
        Ok(true)
    }

    /// A part of the gallery.
    ///
    /// # Errors
    /// Ours only.
    pub async fn showcase(&self, list: &ListShowcase) -> Result<Vec<Shown>, StoreError> {
        let (text, arguments) = showcase_query(list)?;
        let rows = sqlx::query_with(AssertSqlSafe(text), arguments)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(read).collect()
    }

    /// The tags that most Spaces of the gallery have, and how many.
    ///
    /// # Errors
    /// Ours only.
    pub async fn popular_tags(&self, limit: i64) -> Result<Vec<(String, i64)>, StoreError> {
        let tags = sqlx::query_as(
            "SELECT tag, COUNT(*) FROM showcase_tags GROUP BY tag ORDER BY COUNT(*) DESC, tag LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        Ok(tags)
    }
}

/// Brings what the gallery keeps of a Space's likes up to date, in the change that likes it or does not any more.
pub(super) async fn count_likes(
    write: &mut Transaction<'static, Any>,
    repo: RepoUid,
) -> Result<(), StoreError> {
    let created: Option<i64> =
        sqlx::query_scalar("SELECT created_at FROM showcase WHERE space_id = $1")
            .bind(repo.to_string())
            .fetch_optional(&mut **write)
            .await?;
    let Some(created) = created else {
        return Ok(());
    };
    let (likes, last): (i64, Option<i64>) =
        sqlx::query_as("SELECT COUNT(*), MAX(liked_at) FROM likes WHERE repo_id = $1")
            .bind(repo.to_string())
            .fetch_one(&mut **write)
            .await?;
    sqlx::query("UPDATE showcase SET likes = $2, trending = $3 WHERE space_id = $1")
        .bind(repo.to_string())
        .bind(likes)
        .bind(trending(last.unwrap_or(created), likes))
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// The text and arguments of a listing, with only the conditions that were asked for.
///
/// To SQLite `CROSS JOIN` is an order: it walks the index of the order that was asked for and stops when the page is full.
/// Left to itself it reads every Space and sorts them. To PostgreSQL it is a join like any other.
pub(super) fn showcase_query(list: &ListShowcase) -> Result<(String, AnyArguments), StoreError> {
    let column = list.order.column();
    let mut text = format!(
        "SELECT {SPACE_COLUMNS}, f.title, f.emoji, f.color_from, f.color_to, f.description, f.likes, f.{column} AS place \
         FROM showcase f CROSS JOIN repositories r CROSS JOIN spaces s CROSS JOIN accounts a \
         WHERE r.id = f.space_id AND s.id = r.id AND a.id = r.owner_id AND r.removed_at IS NULL \
         AND r.visibility <> 'private' \
         AND EXISTS (SELECT 1 FROM builds b WHERE b.space_id = r.id AND b.state = 'succeeded')"
    );
    let mut arguments = AnyArguments::default();
    let mut argument = |value: String| -> Result<String, StoreError> {
        arguments.add(value).map_err(sqlx::Error::Encode)?;
        Ok(format!("${}", arguments.len()))
    };
    if let Some(sdk) = &list.sdk {
        text += &format!(" AND f.sdk = {}", argument(sdk.clone())?);
    }
    if let Some(tag) = &list.tag {
        text += &format!(
            " AND f.space_id IN (SELECT space_id FROM showcase_tags WHERE tag = {})",
            argument(tag.to_lowercase())?
        );
    }
    for word in list.search.split_whitespace().take(MAX_WORDS) {
        let word = &word[..word.floor_char_boundary(MAX_WORD_BYTES)];
        let escaped: String = word
            .to_lowercase()
            .chars()
            .flat_map(|letter| {
                let escape = matches!(letter, '%' | '_' | '!').then_some('!');
                escape.into_iter().chain([letter])
            })
            .collect();
        text += &format!(
            " AND f.words LIKE {} ESCAPE '!'",
            argument(format!("%{escaped}%"))?
        );
    }
    if let Some((place, id)) = list.after {
        arguments.add(place).map_err(sqlx::Error::Encode)?;
        let place = format!("${}", arguments.len());
        arguments.add(id.to_string()).map_err(sqlx::Error::Encode)?;
        text += &format!(
            " AND (f.{column}, f.space_id) < ({place}, ${})",
            arguments.len()
        );
    }
    arguments
        .add(list.limit.clamp(0, 1000))
        .map_err(sqlx::Error::Encode)?;
    text += &format!(
        " ORDER BY f.{column} DESC, f.space_id DESC LIMIT ${}",
        arguments.len()
    );
    Ok((text, arguments))
}

fn read(row: &AnyRow) -> Result<Shown, StoreError> {
    let fields = Fields::new(row, "showcase", "id")?;
    Ok(Shown {
        space: read_space(row)?,
        showing: Showing {
            title: fields.text("title")?,
            emoji: fields.text("emoji")?,
            color_from: fields.text("color_from")?,
            color_to: fields.text("color_to")?,
            description: fields.text("description")?,
            tags: Vec::new(),
        },
        likes: fields.number("likes")?,
        place: fields.number("place")?,
    })
}
