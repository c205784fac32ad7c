-- compatible: tables of their own, in which an older Lifeline does not look; a key that is being replaced ends there at once
-- People: their accounts, their sessions, and how often a log-in failed.

-- An account is never deleted, because its name stands in the journal.
create table user_account (
    name text primary key,            -- the actor in the journal
    display_name text not null,
    role text not null,
    areas text[] not null,            -- as of api_key
    password_hash text,               -- argon2id, with its parameters and salt; null where a provider alone knows the user
    must_change_password boolean not null,
    issuer text,                      -- the OIDC provider that knows the user, and as whom
    subject text,
    totp_secret text,                 -- base32, in the clear: who reads this table needs no log-in any more
    totp_pending text,                -- enrolled but not confirmed
    totp_last_step bigint not null default 0,   -- of 30 s since 1970: a code counts once
    recovery_codes bytea[] not null default '{}',   -- sha256 of those that are left
    created_at timestamptz not null,
    disabled_at timestamptz,
    signed_in_at timestamptz,
    check ((issuer is null) = (subject is null)),
    unique (issuer, subject)
);
create unique index user_account_letters on user_account (lower(name));   -- Wang and wang would be one to a reader

create table user_session (
    token_hash bytea primary key,     -- sha256 of the cookie
    name text not null references user_account,
    created_at timestamptz not null,
    seen_at timestamptz not null,     -- moved at most once a minute
    ends_at timestamptz not null
);
create index user_session_name on user_session (name);

-- Log-ins that failed, or are being tried, by name and by address. A row ends when its last attempt is forgotten.
create table sign_in_attempt (
    kind text not null check (kind in ('address', 'name')),
    subject text not null,
    failures integer not null,
    failed_at timestamptz not null,
    blocked_until timestamptz,
    primary key (kind, subject)
);
create index sign_in_attempt_failed on sign_in_attempt (failed_at);

-- One name, one actor: no key in force and no user share one, whoever comes first.
create function check_actor_name() returns trigger language plpgsql as $$
declare
    actor text;
begin
    if tg_table_name = 'api_key' then
        actor := new.label;
    else
        actor := new.name;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('lifeline actor ' || lower(actor), 0));
    if tg_table_name = 'api_key' then
        if exists (select from user_account where lower(name) = lower(actor)) then
            raise unique_violation using message = format('a user is named %L', actor);
        end if;
    elsif exists (select from api_key where lower(label) = lower(actor) and (revoked_at is null or revoked_at > now())) then
        raise unique_violation using message = format('a key bears the label %L', actor);
    end if;
    return new;
end
$$;
create trigger api_key_actor before insert on api_key for each row execute function check_actor_name();
create trigger user_account_actor before insert on user_account for each row execute function check_actor_name();
