//! How the description shows what an application keeps with each account.

use std::fmt;

use utoipa::{
    ToSchema,
    openapi::{
        Components, Content, Object, ObjectBuilder, OneOfBuilder, OpenApi, Ref, RefOr, Schema,
        path::Operation,
        schema::{SchemaType, Type},
    },
};

use super::for_each_operation;
use crate::routes::Route;

/// The schema of the profiles that an application keeps.
#[derive(Clone)]
pub struct ProfileSchema {
    /// Boxed: it is large, and the policy that has it is moved about.
    schema: Box<RefOr<Schema>>,
    named: Vec<(String, RefOr<Schema>)>,
    is_required: bool,
}

impl fmt::Debug for ProfileSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.named.iter().map(|(name, _)| name).collect();
        f.debug_struct("ProfileSchema").field("named", &names).finish_non_exhaustive()
    }
}

impl Default for ProfileSchema {
    /// Any object.
    fn default() -> Self {
        let schema: RefOr<Schema> = Schema::Object(Object::with_type(Type::Object)).into();
        Self { schema: Box::new(schema), named: Vec::new(), is_required: false }
    }
}

impl ProfileSchema {
    /// The schema of a type, under its own name.
    ///
    /// ```
    /// use vestibule_axum::{openapi::ProfileSchema, policy::HttpPolicy};
    ///
    /// #[derive(utoipa::ToSchema)]
    /// struct Profile {
    ///     display_colour: Option<String>,
    /// }
    ///
    /// let mut policy = HttpPolicy::new("https://app.example".parse()?);
    /// policy.profile_schema = Some(ProfileSchema::of::<Profile>());
    /// # Ok::<_, vestibule_axum::same_origin::NoOrigin>(())
    /// ```
    #[must_use]
    pub fn of<P: ToSchema>() -> Self {
        let name = P::name().into_owned();
        let mut named = Vec::new();
        P::schemas(&mut named);
        named.push((name.clone(), P::schema()));
        Self { schema: Box::new(Ref::from_schema_name(name).into()), named, is_required: false }
    }

    /// Whether nobody registers without one.
    pub(crate) fn required(self, is_required: bool) -> Self {
        Self { is_required, ..self }
    }

    /// Puts it wherever an account or a registration is described.
    pub(crate) fn describe(&self, description: &mut OpenApi) {
        let components = description.components.get_or_insert_with(Components::new);
        components.schemas.extend(self.named.iter().cloned());
        add(components, "Account", self.or_null(), true);
        for body in ["RegisterBody", "NewUserBody"] {
            add(components, body, (*self.schema).clone(), self.is_required);
        }
        add(components, "UserPatch", (*self.schema).clone(), false);
        open_codes(components);
        for item in description.paths.paths.values_mut() {
            for_each_operation(item, |operation| self.describe_operation(operation));
        }
    }

    fn describe_operation(&self, operation: &mut Operation) {
        let is = |route: Route| operation.operation_id.as_deref() == Some(route.operation_id());
        let answered = match (is(Route::Profile), is(Route::SetProfile)) {
            (true, _) => self.or_null(),
            (_, true) => (*self.schema).clone(),
            _ => return,
        };
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            set(body.content.values_mut(), &self.schema);
        }
        if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
            set(response.content.values_mut(), &answered);
        }
    }

    fn or_null(&self) -> RefOr<Schema> {
        let null = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null));
        Schema::OneOf(OneOfBuilder::new().item(null).item((*self.schema).clone()).build()).into()
    }
}

fn set<'a>(contents: impl Iterator<Item = &'a mut RefOr<Content>>, schema: &RefOr<Schema>) {
    for content in contents {
        if let RefOr::T(content) = content {
            content.schema = Some(schema.clone());
        }
    }
}

fn add(components: &mut Components, body: &str, schema: RefOr<Schema>, is_required: bool) {
    if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(body) {
        object.properties.insert("profile".into(), schema);
        if is_required {
            object.required.push("profile".into());
        }
    }
}

/// The application's rules have codes of their own, which no list here has.
fn open_codes(components: &mut Components) {
    if let Some(RefOr::T(Schema::Object(problem))) = components.schemas.get_mut("Problem")
        && let Some(RefOr::T(Schema::Object(code))) = problem.properties.get_mut("code")
    {
        code.enum_values = None;
    }
}
