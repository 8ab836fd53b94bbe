-- Stands for the order database that you have already: the tables that policies/catalog.yaml names, with one
-- made-up order. What matters is the last part: Weir's role may read these tables and do nothing else;
-- Weir refuses to start if it may do more.

CREATE SCHEMA shop;
CREATE TABLE shop.customers (
  customer_id bigint PRIMARY KEY, name text NOT NULL, phone text NOT NULL, email text, region text NOT NULL,
  registered_at timestamptz NOT NULL);
CREATE TABLE shop.orders (
  order_id bigint PRIMARY KEY, order_no text NOT NULL UNIQUE, customer_id bigint NOT NULL REFERENCES shop.customers,
  receiver_name text NOT NULL, receiver_phone text NOT NULL, receiver_phone_last4 text NOT NULL, address text NOT NULL,
  remark text, region text NOT NULL, warehouse text NOT NULL, status text NOT NULL, amount numeric(10,2) NOT NULL,
  created_at timestamptz NOT NULL,
  -- Good for mainland numbers; docs/policies.md says what the normal form is of others.
  receiver_phone_normal text NOT NULL GENERATED ALWAYS AS
    (regexp_replace(regexp_replace(receiver_phone, '^[+]86', ''), '[^0-9]', '', 'g')) STORED);
CREATE TABLE shop.order_items (
  item_id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES shop.orders, customer_id bigint NOT NULL,
  sku text NOT NULL, title text NOT NULL, quantity integer NOT NULL, price numeric(10,2) NOT NULL);
CREATE TABLE shop.shipments (
  shipment_id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES shop.orders, customer_id bigint NOT NULL,
  carrier text NOT NULL, tracking_no text NOT NULL, receiver_name text NOT NULL, receiver_phone text NOT NULL,
  address text NOT NULL, status text NOT NULL, shipped_at timestamptz);
CREATE INDEX ON shop.orders (customer_id);
CREATE INDEX ON shop.orders (receiver_phone);
CREATE INDEX ON shop.orders (receiver_phone_last4);
CREATE INDEX ON shop.orders (receiver_phone_normal);
CREATE INDEX ON shop.order_items (order_id);
CREATE INDEX ON shop.shipments (order_id);
CREATE INDEX ON shop.shipments (tracking_no);
CREATE INDEX ON shop.customers (phone);

INSERT INTO shop.customers VALUES (1, '张晓明', '13900000000', NULL, '华东', '2026-08-01T10:00:00+08');
INSERT INTO shop.orders VALUES (1, 'WR2611220000001', 1, '张晓明', '13900000000', '0000', '浙江省杭州市西湖区文三路1号',
  NULL, '华东', 'HZ1', 'to_ship', 99.00, '2026-11-22T10:00:00+08');

-- Weir's role.
DO $$
BEGIN
  EXECUTE format('CREATE ROLE weir_reader LOGIN PASSWORD %L', trim(E'\n' FROM pg_read_file('/run/secrets/reader_password')));
END
$$;
ALTER ROLE weir_reader SET default_transaction_read_only = on;
REVOKE ALL ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO weir_reader;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- Large objects can be made without any table.
REVOKE EXECUTE ON FUNCTION pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid),
  pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;
GRANT USAGE ON SCHEMA shop TO weir_reader;
GRANT SELECT ON shop.customers, shop.orders, shop.order_items, shop.shipments TO weir_reader;
