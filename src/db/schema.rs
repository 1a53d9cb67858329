// @generated automatically by Diesel CLI.

diesel::table! {
    authenticators (user_id) {
        user_id -> Int8,
        sealed_key -> Text,
        last_step -> Int8,
        created_at -> Timestamp,
    }
}

diesel::table! {
    bulk_ends (id) {
        id -> Text,
        started_at -> Timestamp,
        moved_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
        by_user -> Int8,
        expected -> Int8,
        ended -> Int8,
        problem -> Nullable<Text>,
    }
}

diesel::table! {
    device_keys (session_id) {
        session_id -> Text,
        public_key -> Text,
        made_at -> Timestamp,
        proved_at -> Timestamp,
        last_challenge -> Int8,
    }
}

diesel::table! {
    events (id) {
        id -> Int8,
        at -> Timestamp,
        kind -> Text,
        user_id -> Nullable<Int8>,
        actor_id -> Nullable<Int8>,
        session_id -> Nullable<Text>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        detail -> Nullable<Text>,
        ip_key -> Nullable<Bytea>,
        note -> Nullable<Text>,
        times -> Int8,
    }
}

diesel::table! {
    last_drill (id) {
        id -> Int8,
        at -> Timestamp,
        passed -> Bool,
        slowest_ms -> Nullable<Int8>,
    }
}

diesel::table! {
    mails (id) {
        id -> Int8,
        kind -> Text,
        recipient -> Text,
        message -> Nullable<Text>,
        created_at -> Timestamp,
        due_at -> Timestamp,
        tries -> Int8,
        tried_at -> Nullable<Timestamp>,
        error -> Nullable<Text>,
        given_up_at -> Nullable<Timestamp>,
        user_id -> Nullable<Int8>,
    }
}

diesel::table! {
    passkeys (id) {
        id -> Int8,
        user_id -> Int8,
        name -> Text,
        credential_id -> Text,
        user_handle -> Text,
        credential -> Text,
        rp_id -> Text,
        sign_count -> Int8,
        backup_eligible -> Bool,
        backed_up -> Bool,
        created_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    pending_deletions (session_id) {
        session_id -> Text,
        user_id -> Int8,
        store_key -> Nullable<Text>,
    }
}

diesel::table! {
    recovery_codes (code_hash) {
        code_hash -> Text,
        user_id -> Int8,
    }
}

diesel::table! {
    rotated_keys (store_key) {
        store_key -> Text,
        session_id -> Text,
        rotated_at -> Timestamp,
    }
}

diesel::table! {
    samples (at) {
        at -> Timestamp,
        active -> Int8,
    }
}

diesel::table! {
    secrets (fingerprint) {
        fingerprint -> Text,
        since -> Timestamp,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Int8,
        created_at -> Timestamp,
        last_seen_at -> Timestamp,
        expires_at -> Timestamp,
        absolute_expires_at -> Timestamp,
        remembered -> Bool,
        ip -> Text,
        ip_key -> Bytea,
        user_agent -> Text,
        browser -> Text,
        browser_version -> Text,
        os -> Text,
        device -> Text,
        store_key -> Nullable<Text>,
        state -> Nullable<Text>,
        ended_at -> Nullable<Timestamp>,
        end_reason -> Nullable<Text>,
        end_note -> Nullable<Text>,
        ended_by -> Nullable<Int8>,
        person -> Text,
        role -> Text,
        end_message -> Nullable<Text>,
        method -> Text,
        bound_at -> Nullable<Timestamp>,
        key_stolen_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sign_in_notices (token_hash) {
        token_hash -> Text,
        user_id -> Int8,
        session_id -> Text,
        origin -> Text,
        email_key -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    site_cookies (secret_hash) {
        secret_hash -> Text,
        session_id -> Text,
        site -> Text,
        made_at -> Timestamp,
    }
}

diesel::table! {
    throttle_counts (key) {
        key -> Text,
        failures -> Int8,
        open_at -> Int8,
        expires_at -> Int8,
    }
}

diesel::table! {
    tokens (token_hash) {
        token_hash -> Text,
        purpose -> Text,
        user_id -> Nullable<Int8>,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
    }
}

diesel::table! {
    trusted_browsers (token_hash) {
        token_hash -> Text,
        user_id -> Int8,
        device -> Text,
        ip -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    used_ceremonies (id) {
        id -> Text,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    used_codes (id) {
        id -> Text,
        session_id -> Text,
        used_at -> Int8,
    }
}

diesel::table! {
    users (id) {
        id -> Int8,
        name -> Text,
        email -> Text,
        email_key -> Text,
        password_hash -> Text,
        role -> Text,
        active -> Bool,
        session_epoch -> Int8,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        last_login_at -> Nullable<Timestamp>,
        email_confirmed_at -> Nullable<Timestamp>,
        search_text -> Text,
        same_address_as -> Nullable<Int8>,
        pending_email -> Nullable<Text>,
        second_factor -> Bool,
    }
}

diesel::table! {
    write_checks (id) {
        id -> Int8,
        at -> Timestamp,
    }
}

diesel::joinable!(authenticators -> users (user_id));
diesel::joinable!(device_keys -> sessions (session_id));
diesel::joinable!(passkeys -> users (user_id));
diesel::joinable!(recovery_codes -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(sign_in_notices -> users (user_id));
diesel::joinable!(site_cookies -> sessions (session_id));
diesel::joinable!(tokens -> users (user_id));
diesel::joinable!(trusted_browsers -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(authenticators, bulk_ends, device_keys, events, last_drill, mails, passkeys, pending_deletions, recovery_codes, rotated_keys, samples, secrets, sessions, sign_in_notices, site_cookies, throttle_counts, tokens, trusted_browsers, used_ceremonies, used_codes, users, write_checks,);
