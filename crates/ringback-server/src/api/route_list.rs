//! Routes that are listed as they are added, so that a test can walk all that there are.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use http::Method;

/// A route: a method on a path, in which `{…}` stands for a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method. (What answers `GET` answers `HEAD` too.)
    pub method: Method,
    /// The path.
    pub path: &'static str,
}

/// Routes, and the list of them.
pub(crate) struct RouteList<S> {
    router: Router<S>,
    listed: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Default for RouteList<S> {
    fn default() -> Self {
        Self { router: Router::new(), listed: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> RouteList<S> {
    pub(crate) fn get<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::GET, path, get(handler))
    }

    pub(crate) fn post<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::POST, path, post(handler))
    }

    pub(crate) fn put<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::PUT, path, put(handler))
    }

    pub(crate) fn patch<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::PATCH, path, patch(handler))
    }

    pub(crate) fn delete<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::DELETE, path, delete(handler))
    }

    fn add(mut self, method: Method, path: &'static str, handler: MethodRouter<S>) -> Self {
        self.listed.push(Route { method, path });
        Self { router: self.router.route(path, handler), listed: self.listed }
    }

    /// These and the others.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.listed.extend(others.listed);
        Self { router: self.router.merge(others.router), listed: self.listed }
    }

    pub(crate) fn list(&self) -> &[Route] {
        &self.listed
    }

    pub(crate) fn into_router(self) -> Router<S> {
        self.router
    }
}
