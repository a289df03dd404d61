# frozen_string_literal: true

# An authorization server written by others (Doorkeeper on Rails, below Puma, with its OpenID Connect for metadata), and a
# protected resource behind its own `doorkeeper_authorize!`, for grantlint to be run against. What is configured here is
# what every deployment must choose; nothing is bent.
#
#   ruby server.rb [PORT]     PORT or $PORT; 0 (default) takes a free port
#
# Prints `listening on http://127.0.0.1:PORT` when it takes requests, and nothing else on stdout.
#
# Environment: GRANTLINT_CLIENT_SECRET, GRANTLINT_SECOND_SECRET, GRANTLINT_SPECIAL_SECRET (required),
# INTEROP_LOG=1 (Rails' log on stderr).

ENV['RAILS_ENV'] = 'production'

require 'logger'
require 'openssl'

require 'rails'
require 'active_record/railtie'
require 'action_controller/railtie'
require 'puma'
require 'puma/server'
require 'puma/events'
require 'sqlite3'
require 'doorkeeper'
require 'doorkeeper/openid_connect'

CLIENT_SCOPES = %w[invoices.read invoices.write].freeze
TOKEN_SECONDS = 3600
THREADS = 4
CLIENTS = {
  'grantlint' => 'GRANTLINT_CLIENT_SECRET',
  'grantlint-second' => 'GRANTLINT_SECOND_SECRET',
  'special' => 'GRANTLINT_SPECIAL_SECRET'
}.freeze

def fail!(message)
  warn message
  exit 2
end

port = Integer(ARGV[0] || ENV['PORT'] || '0', exception: false)
fail! 'the port must be a number from 0 to 65535' unless port&.between?(0, 65_535)
CLIENTS.each_value { |variable| fail! "#{variable} is not set" if ENV[variable].to_s.empty? }

# A database in memory is its connection's own, so the threads take turns with the one that there is, and it never goes.
ENV['DATABASE_URL'] = 'sqlite3::memory:?pool=1&idle_timeout=0&checkout_timeout=20'

class Invoices < Rails::Application
  config.root = __dir__
  config.load_defaults 6.1
  config.eager_load = false
  config.secret_key_base = 'of no use: nothing is signed for a browser'
  config.logger = Logger.new($stderr)
  config.log_level = ENV['INTEROP_LOG'] ? :debug : :fatal
end
Invoices.initialize!

# As Doorkeeper's own migration makes them, with what its comments say for grants without a redirection URI.
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table :oauth_applications do |t|
    t.string :name, null: false
    t.string :uid, null: false, index: { unique: true }
    t.string :secret, null: false
    t.text :redirect_uri
    t.string :scopes, null: false, default: ''
    t.boolean :confidential, null: false, default: true
    t.timestamps null: false
  end
  create_table :oauth_access_tokens do |t|
    t.references :resource_owner, index: true
    t.references :application, null: false, foreign_key: { to_table: :oauth_applications }
    t.string :token, null: false, index: { unique: true }
    t.string :refresh_token, index: { unique: true }
    t.integer :expires_in
    t.datetime :revoked_at
    t.datetime :created_at, null: false
    t.string :scopes
    t.string :previous_refresh_token, null: false, default: ''
  end
end

# The issuer holds the port, so the rest is configured once the port is known.
server = Puma::Server.new(Invoices, Puma::Events.new($stderr, $stderr), max_threads: THREADS)
issuer = "http://127.0.0.1:#{server.add_tcp_listener('127.0.0.1', port).addr[1]}"

Doorkeeper.configure do
  orm :active_record
  grant_flows %w[client_credentials]
  default_scopes :'invoices.read'
  # `invoices.admin` exists, but no client may have it.
  optional_scopes :'invoices.write', :'invoices.admin'
  access_token_expires_in TOKEN_SECONDS.seconds
  resource_owner_authenticator { head :forbidden } # nobody logs in here
end

Doorkeeper::OpenidConnect.configure do
  issuer issuer
  protocol { :http }
  signing_key OpenSSL::PKey::RSA.new(2048).to_pem
end

class InvoicesController < ActionController::API
  before_action(only: :index) { doorkeeper_authorize! :'invoices.read' }
  before_action(only: :create) { doorkeeper_authorize! :'invoices.write' }

  def index
    render json: { invoices: [] }
  end

  def create
    render json: { invoices: [] }, status: :created
  end
end

Invoices.routes.draw do
  use_doorkeeper { skip_controllers :applications, :authorized_applications }
  use_doorkeeper_openid_connect
  get '/invoices', to: 'invoices#index'
  post '/invoices', to: 'invoices#create'
end

CLIENTS.each do |id, variable|
  Doorkeeper::Application.create!(name: id, uid: id, secret: ENV[variable], scopes: CLIENT_SCOPES.join(' '))
end
ActiveRecord::Base.clear_active_connections!

trap('TERM') { server.stop }
thread = server.run
$stdout.puts "listening on #{issuer}"
$stdout.flush
thread.join
