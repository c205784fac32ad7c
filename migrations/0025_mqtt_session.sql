-- compatible: an older Lifeline subscribes anew with each connection and does not look here
-- What the broker has granted to a worker's session: subscribing again disturbs what is on its way (decision 0003).
create table mqtt_session (
    client_id text not null,
    broker text not null,
    filters text[] not null,
    granted_at timestamptz not null default now(),
    primary key (client_id, broker)
);
