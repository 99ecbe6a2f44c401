-- The shop of the sample: products that changed on two days, invented, and with what rows may hold: no value, an empty
-- text, quotes, line ends, emoji, numbers of 64 bits, amounts of money, JSON. The same rows come out each time.
CREATE SCHEMA shop;
CREATE TABLE shop.products (
    id bigint PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    name text NOT NULL,
    category text NOT NULL,
    price numeric(12, 2) NOT NULL,
    stock integer,
    attributes jsonb NOT NULL,
    changed_at timestamptz NOT NULL
);
INSERT INTO shop.products
SELECT
    9007199254740992 + n,
    'P-' || lpad(n::text, 6, '0'),
    CASE n % 7 WHEN 0 THEN 'Mug "Ätna" 🌋' WHEN 1 THEN '' WHEN 2 THEN E'Two\nlines' ELSE 'Product, no. ' || n END,
    (ARRAY['books', 'garden', 'kitchen', 'toys'])[1 + n % 4],
    (n * 7919 % 100000) / 100.0,
    CASE WHEN n % 11 = 0 THEN NULL ELSE n % 500 END,
    jsonb_build_object('weight', n % 40, 'fragile', n % 5 = 0),
    timestamptz '2026-01-30 00:00+00' + n * interval '17 seconds'
FROM generate_series(1, 10000) AS n;
