import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Auth1764000000000 implements MigrationInterface {
  readonly name = 'Auth1764000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE users (
        id uuid CONSTRAINT users_pkey PRIMARY KEY,
        email text NOT NULL CONSTRAINT users_email_key UNIQUE CONSTRAINT users_email_lower_case CHECK (email = lower(email)),
        username text CONSTRAINT users_username_key UNIQUE CONSTRAINT users_username_lower_case CHECK (username = lower(username)),
        name text NOT NULL,
        password_hash text NOT NULL,
        roles text[] NOT NULL,
        disabled boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL
      )`);
    await queryRunner.query(`
      CREATE TABLE oauth_clients (
        client_id text CONSTRAINT oauth_clients_pkey PRIMARY KEY,
        metadata jsonb NOT NULL,
        sealed_secret text
      )`);
    await queryRunner.query(`
      CREATE TABLE signing_keys (
        kid text CONSTRAINT signing_keys_pkey PRIMARY KEY,
        state text NOT NULL CONSTRAINT signing_keys_state CHECK (state IN ('next', 'active', 'retired')),
        sealed_jwk text NOT NULL,
        created_at timestamptz NOT NULL,
        retired_at timestamptz
      )`);
    await queryRunner.query(
      `CREATE UNIQUE INDEX signing_keys_one_of_a_state ON signing_keys (state) WHERE state IN ('next', 'active')`,
    );
    await queryRunner.query(`
      CREATE TABLE oidc_payload (
        model text NOT NULL,
        id text NOT NULL,
        payload jsonb NOT NULL,
        grant_id text,
        user_code text,
        uid text,
        expires_at timestamptz,
        consumed_at timestamptz,
        CONSTRAINT oidc_payload_pkey PRIMARY KEY (model, id)
      )`);
    await queryRunner.query(`CREATE INDEX oidc_payload_grant_id ON oidc_payload (grant_id) WHERE grant_id IS NOT NULL`);
    await queryRunner.query(
      `CREATE UNIQUE INDEX oidc_payload_user_code ON oidc_payload (model, user_code) WHERE user_code IS NOT NULL`,
    );
    await queryRunner.query(`CREATE INDEX oidc_payload_uid ON oidc_payload (model, uid) WHERE uid IS NOT NULL`);
    await queryRunner.query(
      `CREATE INDEX oidc_payload_expires_at ON oidc_payload (expires_at) WHERE expires_at IS NOT NULL`,
    );
    await queryRunner.query(`
      CREATE TABLE sign_in_failures (
        subject text CONSTRAINT sign_in_failures_pkey PRIMARY KEY,
        failures integer NOT NULL,
        last_at timestamptz NOT NULL,
        blocked_until timestamptz NOT NULL
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE sign_in_failures, oidc_payload, signing_keys, oauth_clients, users`);
  }
}
