//! The posts: where they are kept, and the routes to them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use vestibule::{
    CurrentUser,
    core::values::account::Account,
    http::{
        error::{ApiError, Code},
        json::JsonObject,
        utoipa::{self, ToSchema},
    },
    policy::{BadPolicy, Policy, Resource, Rule, Subject},
};

use crate::profile::signature;

/// Who may do what to a post.
pub(crate) type Rules = Policy<Account, Post>;

/// Authors edit and delete what they wrote, and administrators delete what should not be there.
pub(crate) fn rules() -> Result<Rules, BadPolicy> {
    Policy::builder()
        .rule(Rule::allow("authors").actions(["posts:edit", "posts:delete"]).to([Subject::Owner]))
        .rule(Rule::allow("moderation").actions(["posts:delete"]).to([Subject::permission("admin")]))
        .build()
}

/// A post.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub(crate) struct Post {
    /// What its address ends with: lower-case letters, digits and hyphens.
    #[schema(example = "hello-world")]
    pub(crate) slug: String,
    /// The title.
    pub(crate) title: String,
    /// The text.
    body: String,
    /// The id of whoever wrote it.
    author_id: String,
    /// Their name, as it was then.
    pub(crate) author: String,
}

impl Resource<Account> for Post {
    fn name(&self) -> String {
        format!("posts:{}", self.slug)
    }

    fn is_owned_by(&self, user: &Account) -> bool {
        self.author_id == user.id.to_string()
    }
}

/// A post to be written.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body; the fields are read one by one, so that all that is wrong is told"
)]
pub(crate) struct NewPost {
    /// What its address is to end with.
    slug: String,
    /// The title.
    title: String,
    /// The text.
    body: String,
}

/// What a post is to be changed to.
#[derive(ToSchema)]
#[expect(dead_code, reason = "as above")]
pub(crate) struct Edit {
    /// The title.
    title: String,
    /// The text.
    body: String,
}

/// Every post, by its slug; written to a file after every change.
pub(crate) struct Posts {
    by_slug: Mutex<BTreeMap<String, Post>>,
    file: PathBuf,
    rules: Rules,
}

impl Posts {
    pub(crate) fn open(file: PathBuf, rules: Rules) -> io::Result<Self> {
        let by_slug = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { by_slug: Mutex::new(by_slug), file, rules })
    }

    pub(crate) fn all(&self) -> Vec<Post> {
        self.lock().values().cloned().collect()
    }

    /// Makes a change that counts only where it could be written down.
    fn change<R>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, Post>) -> Result<R, ApiError>,
    ) -> Result<R, ApiError> {
        let mut posts = self.lock();
        let mut changed = posts.clone();
        let outcome = change(&mut changed)?;
        let text = serde_json::to_vec(&changed).map_err(ApiError::internal)?;
        let draft = self.file.with_extension("draft");
        fs::write(&draft, text).and_then(|()| fs::rename(&draft, &self.file)).map_err(ApiError::internal)?;
        *posts = changed;
        Ok(outcome)
    }

    /// The post of this slug, for whom the rules allow this.
    fn allowed<'a>(
        &self,
        posts: &'a mut BTreeMap<String, Post>,
        slug: &str,
        (user, action): (&CurrentUser, &str),
    ) -> Result<&'a mut Post, ApiError> {
        let post = posts.get_mut(slug).ok_or_else(|| ApiError::new(Code::NotFound))?;
        self.rules.check(&user.0, action, post).map_err(|_| ApiError::new(Code::Forbidden))?;
        Ok(post)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Post>> {
        self.by_slug.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All posts.
#[utoipa::path(get, path = "/blogs", operation_id = "list_posts", tag = "blogs",
    responses((status = 200, description = "The posts, by slug.", body = [Post])))]
pub(crate) async fn list(State(posts): State<Arc<Posts>>) -> Json<Vec<Post>> {
    Json(posts.all())
}

/// Writes a post.
#[utoipa::path(post, path = "/blogs", operation_id = "write_post", tag = "blogs",
    request_body = NewPost, security(("OAuth2PasswordBearer" = [])),
    responses((status = 201, description = "The post.", body = Post),
        (status = 400, description = "The slug is none."), (status = 401, description = "Nobody is logged in."),
        (status = 409, description = "There is a post of this slug.")))]
pub(crate) async fn write(
    State(posts): State<Arc<Posts>>,
    user: CurrentUser,
    body: JsonObject,
) -> Result<(StatusCode, Json<Post>), ApiError> {
    let mut fields = body.fields();
    let (slug, title) = (fields.required_string("slug"), fields.required_string("title"));
    let body = fields.required_string("body");
    fields.finish()?;
    let is_slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if slug.len() > 64 || !slug.chars().all(is_slug) {
        let rule = "A slug has 1 to 64 lower-case letters, digits and hyphens";
        return Err(ApiError::new(Code::MalformedBody).detail(rule));
    }
    let author = signature(&user.0)?;
    let post = Post { slug, title, body, author_id: user.0.id.to_string(), author };
    posts.change(|all| {
        if all.contains_key(&post.slug) {
            return Err(ApiError::new(Code::Conflict).detail("There is a post of this slug"));
        }
        all.insert(post.slug.clone(), post.clone());
        Ok(())
    })?;
    Ok((StatusCode::CREATED, Json(post)))
}

/// One post.
#[utoipa::path(get, path = "/blogs/{slug}", operation_id = "read_post", tag = "blogs",
    params(("slug" = String, Path)),
    responses((status = 200, description = "The post.", body = Post), (status = 404, description = "There is none.")))]
pub(crate) async fn read(
    State(posts): State<Arc<Posts>>,
    Path(slug): Path<String>,
) -> Result<Json<Post>, ApiError> {
    posts.lock().get(&slug).cloned().map(Json).ok_or_else(|| ApiError::new(Code::NotFound))
}

/// Changes one's own post.
#[utoipa::path(put, path = "/blogs/{slug}", operation_id = "edit_post", tag = "blogs",
    params(("slug" = String, Path)), request_body = Edit, security(("OAuth2PasswordBearer" = [])),
    responses((status = 200, description = "The post.", body = Post), (status = 401, description = "Nobody is logged in."),
        (status = 403, description = "Somebody else wrote it."), (status = 404, description = "There is none.")))]
pub(crate) async fn edit(
    State(posts): State<Arc<Posts>>,
    user: CurrentUser,
    Path(slug): Path<String>,
    body: JsonObject,
) -> Result<Json<Post>, ApiError> {
    let mut fields = body.fields();
    let (title, body) = (fields.required_string("title"), fields.required_string("body"));
    fields.finish()?;
    posts.change(|all| {
        let post = posts.allowed(all, &slug, (&user, "posts:edit"))?;
        (post.title, post.body) = (title, body);
        Ok(Json(post.clone()))
    })
}

/// Deletes one's own post, or for administrators anybody's.
#[utoipa::path(delete, path = "/blogs/{slug}", operation_id = "delete_post", tag = "blogs",
    params(("slug" = String, Path)), security(("OAuth2PasswordBearer" = [])),
    responses((status = 204, description = "It is gone."), (status = 401, description = "Nobody is logged in."),
        (status = 403, description = "Somebody else wrote it."), (status = 404, description = "There is none.")))]
pub(crate) async fn delete(
    State(posts): State<Arc<Posts>>,
    user: CurrentUser,
    Path(slug): Path<String>,
) -> Result<StatusCode, ApiError> {
    posts.change(|all| {
        posts.allowed(all, &slug, (&user, "posts:delete"))?;
        all.remove(&slug);
        Ok(StatusCode::NO_CONTENT)
    })
}
