//! How a group of async calls becomes one of blocking calls.

/// Defines a blocking group: the handle, `with_options`, and a waiting call for each async one that is named.
macro_rules! blocking_group {
    (
        $name:ident {
            $(fn $call:ident(&self $(, $argument:ident: $kind:ty)*) -> $result:ty;)*
        }
    ) => {
        #[doc = concat!("[`crate::", stringify!($name), "`], waiting for each answer.")]
        #[derive(Debug, Clone)]
        pub struct $name {
            pub(super) inner: crate::$name,
            pub(super) driver: Driver,
        }

        impl $name {
            pub(super) fn new(inner: crate::$name, driver: &Driver) -> Self {
                Self { inner, driver: driver.clone() }
            }

            /// The same calls with other options.
            #[must_use]
            pub fn with_options(self, options: RequestOptions) -> Self {
                Self { inner: self.inner.with_options(options), driver: self.driver }
            }

            $(
                #[doc = concat!("As [`crate::", stringify!($name), "::", stringify!($call), "`].")]
                ///
                /// # Errors
                /// As there.
                pub fn $call(&self $(, $argument: $kind)*) -> Result<ApiResponse<$result>, Error> {
                    self.driver.wait(self.inner.$call($($argument),*))
                }
            )*
        }
    };
}

pub(super) use blocking_group;
