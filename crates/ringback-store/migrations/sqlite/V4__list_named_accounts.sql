-- An account exists once a credential names it, whether anything was done for it or not: this is how a list finds it.
CREATE INDEX credential_account_account ON credential_account (account);
