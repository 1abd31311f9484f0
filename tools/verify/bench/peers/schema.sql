-- Tables of each peer's database. A peer of several services keeps them apart by tables, not by databases.
CREATE TABLE products (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  version integer NOT NULL DEFAULT 1,
  sku text NOT NULL UNIQUE,
  name text NOT NULL,
  description text,
  category text,
  price_minor bigint NOT NULL,
  currency text NOT NULL,
  available bigint NOT NULL CHECK (available >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX products_by_category ON products (category, name, id);

CREATE TABLE orders (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  version integer NOT NULL DEFAULT 1,
  customer_id text NOT NULL,
  status text NOT NULL,
  reason text,
  lines jsonb NOT NULL,
  total_minor bigint NOT NULL,
  currency text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_of_customer ON orders (customer_id, id);

CREATE TABLE payments (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  order_id uuid NOT NULL UNIQUE,
  amount_minor bigint NOT NULL,
  currency text NOT NULL,
  status text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE reservations (
  order_id uuid PRIMARY KEY,
  lines jsonb NOT NULL,
  status text NOT NULL
);
