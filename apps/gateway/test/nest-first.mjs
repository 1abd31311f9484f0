// @nestjs/throttler is CommonJS and requires the ESM packages of Nest. Jest needs them loaded first; Node does not.
import '@nestjs/common';
import '@nestjs/core';
