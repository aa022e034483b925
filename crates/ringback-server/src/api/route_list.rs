//! Routes that are listed as they are added, so that a test can walk all that there are.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use http::Method;

use super::state::ApiState;

/// A route: a method on a path, in which `{…}` stands for a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method. (What answers `GET` answers `HEAD` too.)
    pub method: Method,
    /// The path.
    pub path: &'static str,
}

/// Routes, and the list of them.
#[derive(Default)]
pub(super) struct RouteList {
    router: Router<ApiState>,
    listed: Vec<Route>,
}

impl RouteList {
    pub(super) fn get<H: Handler<T, ApiState>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::GET, path, get(handler))
    }

    pub(super) fn post<H: Handler<T, ApiState>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::POST, path, post(handler))
    }

    pub(super) fn put<H: Handler<T, ApiState>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::PUT, path, put(handler))
    }

    pub(super) fn patch<H: Handler<T, ApiState>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::PATCH, path, patch(handler))
    }

    pub(super) fn delete<H: Handler<T, ApiState>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::DELETE, path, delete(handler))
    }

    fn add(mut self, method: Method, path: &'static str, handler: MethodRouter<ApiState>) -> Self {
        self.listed.push(Route { method, path });
        Self { router: self.router.route(path, handler), listed: self.listed }
    }

    /// These and the others.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.listed.extend(others.listed);
        Self { router: self.router.merge(others.router), listed: self.listed }
    }

    pub(super) fn list(&self) -> &[Route] {
        &self.listed
    }

    pub(super) fn into_router(self) -> Router<ApiState> {
        self.router
    }
}
