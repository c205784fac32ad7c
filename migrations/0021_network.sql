-- Pipe networks, one for each city and medium. Sensors stand on them by `asset`, the id of a node or link.

create table network_node (
    city text not null references city,
    medium text not null check (medium in ('gas', 'water', 'drainage', 'heating')),
    node text not null,
    definition jsonb not null,  -- model.network.Node, all of it
    primary key (city, medium, node)
);

create table network_link (
    city text not null references city,
    medium text not null,
    link text not null,
    from_node text not null,
    to_node text not null,
    definition jsonb not null,  -- model.network.Link, all of it
    primary key (city, medium, link),
    foreign key (city, medium, from_node) references network_node,
    foreign key (city, medium, to_node) references network_node
);
create index network_link_from on network_link (city, medium, from_node);
create index network_link_to on network_link (city, medium, to_node);
