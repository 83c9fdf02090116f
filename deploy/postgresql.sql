-- The two roles and the database, once, by the administrator of the server (PostgreSQL 15 or later):
--   sudo --preserve-env=DPI_OWNER_PASSWORD,DPI_APP_PASSWORD -u postgres psql -v ON_ERROR_STOP=1 -f deploy/postgresql.sql
-- dpi_owner owns the tables and migrates; dpi_app runs the product, without DDL, and may only add to the
-- trace: the migration audit.0003_application_role gives it its rights.
\getenv owner_password DPI_OWNER_PASSWORD
\getenv app_password DPI_APP_PASSWORD
CREATE ROLE dpi_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE dpi_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
CREATE DATABASE dpi OWNER dpi_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE CONNECT ON DATABASE dpi FROM PUBLIC;
GRANT CONNECT ON DATABASE dpi TO dpi_app;
\connect dpi
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE EXTENSION IF NOT EXISTS btree_gist;
