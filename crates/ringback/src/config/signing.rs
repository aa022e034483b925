//! How deliveries are signed.

use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use crate::failure::Outcome;

pub(super) const SETTINGS: &[Setting] =
    &[Setting::switch("sign-ed25519", "Sign each delivery with Ed25519 (v1a) too, beside HMAC-SHA256 (v1)")];

/// How deliveries are signed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signing {
    pub(crate) ed25519: bool,
}

impl Signing {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        Ok(Self { ed25519: layers.switch("sign-ed25519")? })
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        shown.put("sign-ed25519", self.ed25519);
    }
}
